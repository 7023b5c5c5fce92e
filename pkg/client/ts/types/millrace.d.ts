import type * as api from './api_gen.js';
import { Artifacts } from './artifacts.js';
import { type Call } from './call.js';
import type { CallOptions, Config } from './config.js';
import { Decisions } from './decisions.js';
import { type EventQuery, type TenantEvent } from './events.js';
import { type Order, type OrderOptions, type OrderVerb } from './orders.js';
import { Pipelines } from './pipelines.js';
import { type FileOptions, type Submission, type SubmitOptions, type Submitted } from './submit.js';
import { type UploadOptions } from './upload.js';
import { type JobEvent, type WatchOptions } from './watch.js';
/**
 * Millrace speaks to one gateway as one tenant. It does not connect before it is asked for
 * something, and holds nothing that must be closed.
 *
 * What may be repeated is repeated by itself when the connection breaks or the server says
 * that it is busy: reads, uploads, and submissions, whose idempotency key is made once per
 * call. Waiting and watching go on across a restart of the server. How often and how long,
 * says {@link Config.retry}, and each call may say otherwise.
 *
 * Every call throws a {@link MillraceError}, or the reason of its signal.
 */
export declare class Millrace {
    /** decisions are what jobs ask people. */
    readonly decisions: Decisions;
    /** pipelines are the pipelines of the tenant. */
    readonly pipelines: Pipelines;
    /** artifacts are the contents of files, by their digests. */
    readonly artifacts: Artifacts;
    private readonly c;
    /** Errors: client.unreachable, http.bad_request and auth.invalid for a config that cannot be. */
    constructor(config: Config);
    /** server is the address of the gateway without credentials. */
    get server(): string;
    /**
     * submit asks for a job. Without a key, one is made for this call, so that its own
     * repetitions make one job. Errors: those of submit and pipeline.
     */
    submit(pipeline: string, submission: Submission, o?: SubmitOptions): Promise<Submitted>;
    /**
     * upload sends content to the store, unless it is there already, and goes on where it was
     * after a broken connection, or from {@link UploadOptions.resume}. What has arrived is
     * compared with what was read. Errors: fetch.changed when the content changes meanwhile,
     * http.digest_mismatch, those of artifact and upload.
     */
    upload(blob: Blob, o?: UploadOptions): Promise<api.File>;
    /**
     * submitFile uploads a file and asks for a job on it. That the pipeline exists is checked
     * before. Errors: those of {@link upload} and {@link submit}.
     */
    submitFile(pipeline: string, blob: Blob, o?: FileOptions): Promise<Submitted>;
    /** job is a job as it is now. Error: job.not_found. */
    job(id: string, o?: CallOptions): Promise<api.Job>;
    /**
     * wait is a job when until says so, or when it has ended. until is called with every
     * revision that is seen, not with every one that there is. Error: job.not_found.
     */
    wait(id: string, until?: (job: api.Job) => boolean, o?: CallOptions): Promise<api.Job>;
    /**
     * watch is what happens to a job, from its first record on. Every record comes one time and
     * in order, also across a broken connection and a restart of the server; progress is shown
     * as it comes and may be missing. It ends after the event of kind 'end'. Error: job.not_found.
     */
    watch(id: string, o?: WatchOptions): AsyncGenerator<JobEvent, void>;
    /** records is the history of a job, oldest first, as it is now. Error: job.not_found. */
    records(id: string, o?: CallOptions): Promise<api.Record[]>;
    /**
     * events is what happens to the tenant's jobs: first comes the place where it begins, then
     * every event one time and in order, also across a broken connection and a restart of the
     * server. It ends when the caller leaves it or gives its signal.
     */
    events(q?: EventQuery, o?: CallOptions): AsyncGenerator<TenantEvent, void>;
    /** eventPage is a page of what happened. The next one begins after its after. */
    eventPage(q?: EventQuery & {
        limit?: number;
    }, o?: CallOptions): Promise<api.EventPage>;
    /** jobs is all jobs that are asked for, page by page as they are needed. */
    jobs(query?: api.ListJobsQuery, o?: CallOptions): AsyncGenerator<api.JobItem, void>;
    /** jobPage is one page of them. It can hold fewer than asked for and still name a next one. */
    jobPage(query?: api.ListJobsQuery, o?: CallOptions): Promise<api.JobPage>;
    /** explain is why a job and its steps stand where they stand, and what would move them. */
    explain(id: string, o?: CallOptions): Promise<api.Explanation>;
    /**
     * order asks a job for what a verb says; the methods below say it for the usual cases. It
     * returns the job when the order has taken effect, or as it is when that takes long. Errors:
     * job.not_found; job.not_allowed, with what is allowed; job.stale_revision.
     */
    order(id: string, verb: OrderVerb, what?: Order, o?: OrderOptions): Promise<api.Job>;
    /** cancel asks that a job stops and takes back what it did. */
    cancel(id: string, reason?: string, o?: OrderOptions): Promise<api.Job>;
    /** retry gives all that is in attention another budget, or one step of it. */
    retry(id: string, reason?: string, o?: OrderOptions & api.RetryJobBody): Promise<api.Job>;
    /** abandon gives a job in attention up: it is compensated, or fails. */
    abandon(id: string, reason?: string, o?: OrderOptions): Promise<api.Job>;
    /** pause lets a job finish what is queued and begin nothing new. */
    pause(id: string, reason?: string, o?: OrderOptions): Promise<api.Job>;
    /** resume lets a job that is paused go on. */
    resume(id: string, reason?: string, o?: OrderOptions): Promise<api.Job>;
    /** skip goes on without a step that is in attention or waits; a critical one must be forced. */
    skip(id: string, step: string, reason?: string, o?: OrderOptions & {
        force?: boolean;
    }): Promise<api.Job>;
    /** accept takes the undo of a step that failed for done, or all of them without a step. */
    accept(id: string, reason: string, o?: OrderOptions & {
        step?: string;
    }): Promise<api.Job>;
    /** rollbackPlan is what a rollback of a job that has ended would do. Error: rollback.nothing. */
    rollbackPlan(id: string, o?: CallOptions): Promise<api.Rollback>;
    /**
     * rollback takes back what a job did that has ended, by a plan that somebody has looked at;
     * irreversible accepts that what cannot be taken back stays. Errors: job.stale_revision and
     * rollback.stale_plan when the plan is of another state; rollback.irreversible.
     */
    rollback(id: string, plan: api.Rollback, reason: string, o?: CallOptions & {
        irreversible?: boolean;
    }): Promise<api.Job>;
    /** rerun makes another job of one that has ended, with a key like {@link submit}. */
    rerun(id: string, r?: api.RerunRequest, o?: CallOptions): Promise<Submitted>;
    /** rerunPlan is what {@link rerun} would do about each step. */
    rerunPlan(id: string, r?: api.RerunRequest, o?: CallOptions): Promise<api.RerunPlan>;
    /**
     * request makes any other call of the API, with this client's keys, patience and errors, and
     * returns the JSON of its answer. Say {@link Call.once} of what must not be done twice.
     */
    request<T>(call: Call, o?: CallOptions): Promise<T>;
}
