/** Accepted is a submission that passed every check. */
export interface Accepted {
    /** by is who submitted it, for the audit. */
    by?: string;
    /** files are what the job works on. */
    files: Source[];
    /** fingerprint is the digest of what the key stands for. */
    fingerprint: string;
    /** job is the job's id. */
    job: string;
    /** key is the idempotency key. */
    key?: string;
    /** labels are for finding the job again. */
    labels?: {
        [name: string]: string;
    };
    /** params are the pipeline's parameters. */
    params?: unknown;
    /** pipeline is the version that the job keeps to its end. */
    pipeline: PipelineRef;
    /** prior is what the steps of that job gave, by id. */
    prior?: {
        [name: string]: Prior;
    };
    /** rerun is the job that is run again, and Prior what its steps gave, by id. */
    rerun?: Rerun;
    /** rules is the version of the machine's rules that the job is to run by. */
    rules?: number;
    /** tenant is whose job it is. */
    tenant: string;
    /** traceparent is the trace that the submission belongs to. */
    traceparent?: string;
}
/** Applied is the answer of PUT /v1/pipelines/{name}. */
export interface Applied {
    /** created is false when this already was the current version. */
    created: boolean;
    digest: string;
    name: string;
    /** warnings are complaints that do not keep the pipeline from running. */
    warnings?: Diagnostic[];
}
/** AttemptOutcome is a stage's answer to a task. */
export interface AttemptOutcome {
    /** attempt is the attempt that the task named. */
    attempt: number;
    /** checkpoints counts the places that the attempt saved. */
    checkpoints?: number;
    /**
     * effect is the stage's name for the effect that nobody can tell of, with a fault of class
     * unknown_effect.
     */
    effect?: string;
    /** ended_at is when the attempt ended. */
    ended_at: string;
    /** fault is why it failed. Set with verdict failed, and only then. */
    fault?: Fault;
    /** files are the result, in a stable order, at most 1000. */
    files?: File[];
    /** findings are small facts for routing and audit: at most 64, of at most 1 KiB each. */
    findings?: {
        [name: string]: string;
    };
    /** job is the job's id. */
    job: string;
    /** logic is the version of the stage's logic. */
    logic?: string;
    /** resumed is where an attempt goes on. Set with verdict resumed, and only then. */
    resumed?: Resumed;
    /** stage is the name and version of the stage: "compress@1". */
    stage: string;
    /** started_at is when the attempt began. */
    started_at: string;
    /** step is the step's id in the pipeline. */
    step: string;
    /** tenant is whose job it is. */
    tenant: string;
    /** undo is true when the task was to compensate. */
    undo?: boolean;
    /** verdict is how it ended. */
    verdict: Verdict;
    /** worker names the process that did it, for people. */
    worker?: string;
}
/** AuditEntry says who decided or changed what, and why. */
export interface AuditEntry {
    /** action is what, such as "job.cancel" or "webhook.rotate". */
    action: string;
    /**
     * by is who: "key:ID/NAME", "oidc:SUBJECT", "local"; or what they say of themselves where
     * nobody asks.
     */
    by: string;
    /** code is that of the fault of what failed. */
    code?: string;
    /**
     * detail is a word on what exactly: the choice of a decision, the verb of an operation, the
     * members that were changed.
     */
    detail?: string;
    /** id is that of the deed. */
    id: string;
    /** mill is true for what belongs to no tenant. */
    mill?: boolean;
    outcome: 'begun' | 'done' | 'failed';
    /** reason is why, as they say. */
    reason?: string;
    /** request is the id of the request. */
    request: string;
    /** target is what it was done to: an id or a name. */
    target?: string;
    /** tenant is whose it was, or with Mill the tenant that the request named. */
    tenant: string;
    /** time is when it began. */
    time: string;
}
/** AuditPage is the answer of GET /v1/audit, newest first. */
export interface AuditPage {
    entries: AuditEntry[];
    /** next_cursor asks for the entries before these. Empty means that there are none. */
    next_cursor?: string;
}
/**
 * Breaker is what one worker makes of a dependency. Others take it as a hint: they decide by what
 * they see themselves.
 */
export interface Breaker {
    /** dependency is what is called: "http:crm.example.com". */
    dependency: string;
    /** failures counts the calls that failed since the last success. */
    failures?: number;
    /** reason is the code of the last call that failed. */
    reason?: string;
    /** since is when it came to that state. */
    since: string;
    /**
     * stages are those of this worker that call the dependency, by name: whose attempts have called
     * it since the worker began, or whose every task needs it. Workers of old do not say it.
     */
    stages?: string[];
    /** state is where the worker's circuit stands. */
    state: BreakerState;
    /** time is when the worker said so last. It repeats itself while the circuit is open. */
    time: string;
    /** until is when an open circuit lets a call through, to probe the dependency. */
    until?: string;
    /** worker names the process. */
    worker: string;
}
/**
 * BreakerList is the answer of GET /v1/breakers: the newest word of each worker on each dependency
 * that it had trouble with lately, by dependency and worker.
 */
export interface BreakerList {
    breakers: Breaker[];
}
/** Building is a generation of the list that is being built. */
export interface Building {
    generation: number;
    sequence: number;
}
/** Checked is the answer of POST /v1/pipelines:check. */
export interface Checked {
    diagnostics?: Diagnostic[];
    digest?: string;
    /** name and Digest are empty when the file is not valid. */
    name?: string;
    valid: boolean;
}
/** Checkpoint is a record of the chain that a step resumes from. */
export interface Checkpoint {
    attempt?: number;
    cause?: Fault;
    /** damage says what is wrong with a record that no attempt can use. */
    damage?: string;
    /**
     * decision is what a claim made of the places before it, Reason why, and Cause what had ended
     * the attempt before.
     */
    decision?: 'started' | 'resumed' | 'fell_back' | 'restarted';
    /**
     * done and Total count bytes, or the stage's own unit, and Percent is the part of the one in
     * the other. Total is zero while it is unknown.
     */
    done?: number;
    /**
     * kind is what the record is for: a place to resume from, the claim of an attempt that goes on
     * at one, or the end of the chain. Empty when it is damaged.
     */
    kind?: CheckpointKind;
    logic?: string;
    /** number counts the places that were saved. Zero means the start. */
    number?: number;
    /** outputs are the names of the contents that were not finished. */
    outputs?: string[];
    percent?: number;
    /** position tells it from the others; it grows. */
    position: number;
    reason?: string;
    /** stage is the name and version of the stage, and Logic the version of its code. */
    stage?: string;
    /**
     * state is the stage's own, and StateVersion that of its form. State is there when one
     * checkpoint is read.
     */
    state?: unknown;
    state_version?: number;
    time?: string;
    total?: number;
    worker?: string;
}
/**
 * CheckpointList is the answer of GET /v1/jobs/{id}/steps/{step}/checkpoints, oldest first. Only
 * the newest few of a step are kept.
 */
export interface CheckpointList {
    checkpoints: Checkpoint[];
    job: string;
    step: string;
}
/**
 * Choice is a command that a job takes as it is now, or a rerun, which makes another job of it. A
 * job may have several with the same verb, for steps that need different things to be said.
 */
export interface Choice {
    /**
     * needs are the members that the command must have besides the verb. Step is not among them
     * when it may be left out: the command is then about all steps that it can be about.
     */
    needs?: string[];
    /** steps are those that the command may name. Empty means that it is about the whole job. */
    steps?: string[];
    /** verb is what may be asked. */
    verb: Verb;
}
/** Command asks something of a job. */
export interface Command {
    /** by is who asks, for the audit. */
    by?: string;
    /**
     * decision is the id of the decision that the command settles. It is then about that step, or
     * undo, alone.
     */
    decision?: string;
    /** effect says, with retry, whether effects were done that nobody could tell of. */
    effect?: Settlement;
    /** force skips a step that is critical, too. */
    force?: boolean;
    /**
     * id is made of that of the message, so that one which is delivered again is known. The
     * conductor sets it.
     */
    id?: string;
    /** irreversible accepts that a rollback leaves effects that cannot be taken back. */
    irreversible?: boolean;
    /** plan is the digest of the plan that a rollback carries out. */
    plan?: string;
    /** reason is why, for people and for the audit. */
    reason?: string;
    /** step is the step that is meant, for skip; with retry and accept it may be left out. */
    step?: string;
    /** verb is what is asked. */
    verb: Verb;
}
/** Consumer takes messages from the broker, in as many processes as there are. */
export interface Consumer {
    /** delivered counts what was ever taken. How it grows is the rate of attempts. */
    delivered: number;
    in_flight: number;
    /**
     * name is that at the broker: "stage-hash", "undo-publish", "conductor-intake". Nobody serves
     * "conductor-timers": it counts the timers that have not gone off.
     */
    name: string;
    /** oldest is when the oldest of Pending and InFlight came, and OldestSeconds how long ago. */
    oldest?: string;
    oldest_seconds: number;
    /**
     * pending counts the messages that nobody has taken yet, and InFlight those that somebody works
     * at. Redelivered of these had been taken before, by a process that has gone or gave them back.
     */
    pending: number;
    redelivered: number;
    /** served is false while nobody asks for messages. */
    served: boolean;
    /**
     * stage is the stage whose work it takes, or with Undo whose undos. It is empty for the
     * conductor.
     */
    stage?: string;
    undo?: boolean;
}
/**
 * ConsumerList is the answer of GET /v1/consumers: what waits for the stages and for the conductor,
 * by name.
 */
export interface ConsumerList {
    consumers: Consumer[];
}
/** Counts is the answer of GET /v1/stats: how many jobs there are now. */
export interface Counts {
    /** faults are how many jobs have a fault now, the most frequent first. */
    faults: FaultCount[];
    jobs: number;
    /** pipelines are the same for each pipeline, by name. */
    pipelines: PipelineCount[];
    states: {
        [name: string]: number;
    };
    view?: Freshness;
}
/** DeadLetter is a message that no consumer could handle, and what was done about it. */
export interface DeadLetter {
    code: string;
    /**
     * consumer is who gave it up, Subject where it was published, and Stream and Sequence where it
     * was kept.
     */
    consumer: string;
    cut?: boolean;
    data?: string;
    /** done is the last thing that was done about it. */
    done?: DeadLetterDone;
    /**
     * headers are those of the message; what looks like a credential is masked. A list leaves them
     * out, and the payload.
     */
    headers?: {
        [name: string]: string[];
    };
    hint?: string;
    /** id is its number among the dead letters. */
    id: string;
    /** job is the job that it is about. It is empty for a submission, which was to make one. */
    job?: string;
    reason: string;
    /** revision counts what was done about it; it is also the ETag. Zero means nothing. */
    revision: number;
    sequence: number;
    /**
     * size is the length of the payload in bytes. Cut is true when the letter holds only the first
     * 64 KiB of it.
     */
    size: number;
    state: 'open' | 'redriving' | 'redriven' | 'dropped';
    stream: string;
    subject: string;
    /** text is the payload when it is text, and Data, in base64, when it is not. */
    text?: string;
    /** time is when it was given up. */
    time: string;
}
/** DeadLetterDone is what somebody did about a dead letter. */
export interface DeadLetterDone {
    /**
     * as is the id of the message that was published again. Job is the job that a submission makes,
     * or has made before.
     */
    as?: string;
    at: string;
    by?: string;
    /** data is the payload, when it is not the letter's own. */
    data?: unknown;
    job?: string;
    reason?: string;
}
/** DeadLetterPage is the answer of GET /v1/deadletters. */
export interface DeadLetterPage {
    deadletters: DeadLetter[];
    /** next_cursor asks for the letters before these. Empty means that there are none. */
    next_cursor?: string;
}
/**
 * Decision is what a person is asked about a step of a job, or about its undo, and what came of it.
 */
export interface Decision {
    attempts: number;
    /** checkpoint is the last place that is known. Nil when none is. */
    checkpoint?: DecisionPlace;
    /** choices are what can be chosen now. There are none when it has been made. */
    choices?: DecisionOption[];
    default: DecisionChoice;
    due_at: string;
    effect?: string;
    /**
     * fault is what happened, Attempts how many tries there were, and Effect the stage's name for
     * an effect that nobody can tell of.
     */
    fault?: Fault;
    /**
     * id is <job>.<step>, with .undo behind it when it is about the undo, and with a number when
     * the same place asks again.
     */
    id: string;
    job: string;
    /** made is what was decided. Nil while it is open. */
    made?: DecisionMade;
    /**
     * opened_at is since when a person is asked, and DueAt when the default is taken. Overdue
     * counts the due times that have passed since a person last decided here.
     */
    opened_at: string;
    overdue?: number;
    pipeline: string;
    stage: string;
    /** state is where the job stands. */
    state: JobState;
    step: string;
    undo?: boolean;
    /**
     * version is also the ETag, which POST wants in If-Match. It changes with every reminder and
     * when the decision is made.
     */
    version: string;
}
/** DecisionAnswer is the body of POST /v1/decisions/{id}. */
export interface DecisionAnswer {
    choice: DecisionChoice;
    /** reason is kept in the job's record; at most 1 KiB. Accept needs one. */
    reason?: string;
}
/** DecisionMade is how a decision ended. */
export interface DecisionMade {
    /** at is when it was made. */
    at: string;
    /** by is who made it: a person, or "default". */
    by?: string;
    /** choice is what was chosen. */
    choice: DecisionChoice;
    /** default is true when nobody had decided in time. */
    default?: boolean;
    /** reason is why, for people and for the audit. */
    reason?: string;
}
/** DecisionOption is something that can be chosen, and what it means. */
export interface DecisionOption {
    choice: DecisionChoice;
    means: string;
}
/** DecisionPage is the answer of GET /v1/decisions. */
export interface DecisionPage {
    decisions: Decision[];
    /** next_cursor asks for those of the jobs before. Empty means that there are none. */
    next_cursor?: string;
}
/** DecisionPlace is how far a step has come that waits for a person. */
export interface DecisionPlace {
    /** done and Total count bytes, or the stage's own unit. Total is 0 while unknown. */
    done?: number;
    /** number is that of the checkpoint. 0 means the start. */
    number?: number;
    /** percent is how much of the whole is done, rounded down. 0 while the whole is unknown. */
    percent?: number;
    /** total is the whole. */
    total?: number;
}
/**
 * DecisionRecord is what a person is asked about a step in attention, or about its undo, and what
 * came of it.
 */
export interface DecisionRecord {
    /**
     * asked counts how often a person was asked here: when a decision was opened, and with each
     * reminder.
     */
    asked: number;
    /** attempts is how many tries there were. */
    attempts: number;
    /** checkpoint is the last place that is known. Absent when none is. */
    checkpoint?: DecisionPlace;
    /** choices are what a person could choose when the decision was opened. */
    choices?: DecisionChoice[];
    /** default is what is done then. */
    default: DecisionChoice;
    /** due_at is when the default is taken, if nobody has decided. */
    due_at: string;
    /** fault is what happened. */
    fault?: Fault;
    /**
     * id is <job>.<step>, with .undo behind it when it is about the undo, and with a number when
     * the same place asks again.
     */
    id: string;
    /** made is what was decided. Absent while the decision is open. */
    made?: DecisionMade;
    /** number counts the decisions of the same place from 1. */
    number: number;
    /** opened_at is since when a person is asked. */
    opened_at: string;
    /** overdue counts the due times that have passed since a person last decided here. */
    overdue?: number;
}
/** Delivery is one attempt to send an event to an endpoint. */
export interface Delivery {
    attempt: number;
    body?: string;
    /** code and Detail say why it failed. */
    code?: string;
    detail?: string;
    /** event is the event's id, Sequence its place in the log, and Type what happened to Job. */
    event: string;
    id: string;
    job: string;
    /** message is the webhook-id: the same for every attempt with the same event. */
    message: string;
    /** ms is how long it took, in milliseconds. */
    ms: number;
    /** next_at is when the event is sent again. */
    next_at?: string;
    outcome: 'delivered' | 'failed' | 'given_up';
    /** replay names the replay that it belongs to. */
    replay?: string;
    sequence?: number;
    /** status is that of the answer, zero without one, and Body the first KiB of it. */
    status?: number;
    time: string;
    type: string;
    webhook: string;
}
/** DeliveryPage is the answer of GET /v1/deliveries, newest first. */
export interface DeliveryPage {
    deliveries: Delivery[];
    /** next_cursor asks for the deliveries before these. Empty means that there are none. */
    next_cursor?: string;
}
/** Diagnostic is one complaint about a pipeline file. */
export interface Diagnostic {
    column: number;
    file?: string;
    /** line and Column count from 1. */
    line: number;
    message: string;
    rule: string;
    /** severity is error or warning. */
    severity: string;
    suggestion?: string;
}
/** DueItem is one thing that must happen next. */
export interface DueItem {
    /** at is when a timer fires. */
    at?: string;
    /** attempt is the attempt it is for. */
    attempt: number;
    /** kind is what it is. */
    kind: DueKind;
    /**
     * limit is the limit that is over when a timer fires. Empty means that the next attempt is due.
     * For the limit of a job, step is -.
     */
    limit?: Limit;
    /** step is the step it is for. */
    step: string;
    /** undo is true for the timer of a compensation. */
    undo?: boolean;
}
/**
 * EventPage is the answer of GET /v1/events: what happened to all jobs of a tenant, in the order of
 * the log.
 */
export interface EventPage {
    /** after is the place after which to go on, with ?after=. */
    after: number;
    events: PlacedEvent[];
    /** more is true when there was more than the page holds. */
    more?: boolean;
}
/** Explanation is the answer of GET /v1/jobs/{id}/explain. The revision is also the ETag. */
export interface Explanation {
    job: string;
    /**
     * reasons are those of the job and then of each step, in the order of the pipeline; a step's
     * undo comes behind the step.
     */
    reasons: Reason[];
    revision: number;
}
/** Failure is what happened with one code of a fault. */
export interface Failure {
    class: string;
    code: string;
    /** count is how often it happened in the span, and LastAt when it did last. */
    count: number;
    example?: string;
    hint?: string;
    /**
     * jobs is how many jobs have it now, whenever it happened. Example is the id of the newest of
     * them.
     */
    jobs: number;
    last_at?: string;
}
/**
 * Failures is the answer of GET /v1/stats/failures: failures of a span of time by the code of the
 * fault, the most frequent first.
 */
export interface Failures {
    failures: Failure[];
    view?: Freshness;
}
/** Fault is a classified error. The page FAULTS.md beside the schemas lists all codes. */
export interface Fault {
    /** class says what may be done next. */
    class: string;
    /** code names what happened; it is stable: "fetch.not_found". */
    code: string;
    /**
     * dependency is what did not answer as it should: "http:crm.example.com". It is empty when
     * nothing outside was asked.
     */
    dependency?: string;
    /** hint says what to do about it. */
    hint?: string;
    /** message says what happened, for people, on one line of at most 1 KiB. */
    message?: string;
    /**
     * retry_after_ms is the shortest wait before another attempt, in milliseconds. Zero leaves it
     * to the policy.
     */
    retry_after_ms?: number;
}
/** FaultCount is how many jobs have a fault. */
export interface FaultCount {
    class: string;
    code: string;
    jobs: number;
}
/** FaultInfo says what a fault's code means, and what is done about it. */
export interface FaultInfo {
    class: string;
    code: string;
    hint: string;
    /**
     * policy says what the mill does by itself about an attempt that fails so, unless a rule says
     * otherwise.
     */
    policy: string;
    /** runbook are the commands for who looks after it, in order. */
    runbook: RunbookStep[];
    /** text says what has happened, and Hint what to do about it. */
    text: string;
}
/** File is a named artifact. */
export interface File {
    /** digest is "sha256:" and 64 lower-case hex digits. */
    digest: string;
    /** media_type is empty until it was declared or identified. */
    media_type?: string;
    /** name is the file's base name. */
    name: string;
    /** size is the length of the content in bytes. */
    size: number;
}
/** Flow is what happened within a span of time. */
export interface Flow {
    accepted: number;
    at: string;
    /** failures counts attempts, and other faults of jobs. */
    failures: number;
    /** finished counts jobs by the state that they ended in. */
    finished: {
        [name: string]: number;
    };
    /** mean_ms is how long the jobs took that ended, in milliseconds. */
    mean_ms: number;
}
/**
 * Freshness says how far a list of jobs is behind the log of events. A list holds what the log held
 * when it was asked for, unless it would take more than two seconds to take that in.
 */
export interface Freshness {
    /**
     * lag is how many records it is behind at most, and LagSeconds how old the oldest of them is.
     */
    lag: number;
    lag_seconds: number;
    problem?: string;
    /** sequence is that of the last record that the list holds. */
    sequence: number;
    /** stale is true while the list does not move, for the reason in Problem. */
    stale?: boolean;
}
/** Health is the answer of GET /livez and GET /readyz. */
export interface Health {
    /** checks says for each check "ok" or what is wrong. */
    checks?: {
        [name: string]: string;
    };
    status: string;
}
/** Index is the answer of GET /v1. */
export interface Index {
    routes: Route[];
}
/**
 * Input is what the machine was given. Exactly one field is set; ruling may stand beside outcome,
 * and undone beside each.
 */
export interface Input {
    /** control is somebody's command. */
    control?: Command;
    /** outcome is a stage's answer. */
    outcome?: AttemptOutcome;
    /** ruling is what a rule said about the fault of the outcome. */
    ruling?: Ruling;
    /** submit is a new job. */
    submit?: Accepted;
    /** timer is a timer that fired. */
    timer?: TimerFired;
    /**
     * undone are steps of a rerun whose earlier result was taken back after the rerun was accepted,
     * and before their turn came. They run again.
     */
    undone?: string[];
}
/** Job is a job at one revision: the answer of GET /v1/jobs/{id}. The revision is also the ETag. */
export interface Job {
    /**
     * allowed are the commands that the job takes as it is. It is also absent when the job's
     * pipeline cannot be read.
     */
    allowed?: Choice[];
    job: JobBody;
    revision: number;
}
/** Job is the state of a job after a record. */
export interface JobBody {
    /** accepted_at is when the first record was made. */
    accepted_at: string;
    /** commands are the ids of the last commands that have changed the job, the newest last. */
    commands?: string[];
    /** fault is what made the job fail, or call for attention. */
    fault?: Fault;
    /** files are what the job works on. */
    files: Source[];
    /** fingerprint is the digest of pipeline, files and params as submitted. */
    fingerprint: string;
    /** finished_at is when the job became final. */
    finished_at?: string;
    /** goal is the final state that cancelling or compensating leads to. */
    goal?: JobState;
    /** id is the job's id. */
    id: string;
    /** key is the idempotency key, and Fingerprint the digest of what it stands for. */
    key?: string;
    /** labels are for finding the job again. */
    labels?: {
        [name: string]: string;
    };
    /** missing lists the steps that a partial job has no result of. */
    missing?: string[];
    /** outputs are the files that a final job leaves, by the pipeline's names for them. */
    outputs?: {
        [name: string]: File[];
    };
    /** params are the pipeline's parameters. */
    params?: unknown;
    /** pipeline is the version that the job keeps to its end. */
    pipeline: PipelineRef;
    /** reason is why the job was paused, cancelled or rolled back. */
    reason?: string;
    /** rerun is the job that this one runs again. Only of a rerun. */
    rerun?: Rerun;
    /** rules is the version of the machine's rules that the job runs by. 0 means 1. */
    rules?: number;
    /** state is where the job stands. */
    state: JobState;
    /** steps are the states of the steps, by id. */
    steps: {
        [name: string]: Step;
    };
    /** tenant is whose job it is. */
    tenant: string;
    /** traceparent is the trace that the submission belongs to (W3C Trace Context). */
    traceparent?: string;
}
/** JobItem is a job in a list. */
export interface JobItem {
    accepted_at: string;
    fault?: Fault;
    files: number;
    finished_at?: string;
    id: string;
    key?: string;
    labels?: {
        [name: string]: string;
    };
    /** name is the first file's, and Files is how many there are. */
    name?: string;
    pipeline: PipelineRef;
    /** rerun is the job that it runs again. Empty unless it is a rerun. */
    rerun?: string;
    revision: number;
    state: JobState;
    steps: number;
    /** steps_done counts the steps in a final state, of Steps. */
    steps_done: number;
    /** updated_at is when the job moved last. */
    updated_at?: string;
}
/** JobOutcome is what a final job left behind. */
export interface JobOutcome {
    /** fault is what made the job fail. */
    fault?: Fault;
    /** finished_at is when the job became final. */
    finished_at: string;
    /** missing lists the steps a partial job has no result of. */
    missing?: string[];
    /** outputs are the files, by the pipeline's names for them. */
    outputs?: {
        [name: string]: File[];
    };
    /** state is one of the final states. */
    state: JobState;
}
/** JobPage is the answer of GET /v1/jobs. */
export interface JobPage {
    jobs: JobItem[];
    /** next_cursor asks for the jobs after these. Empty means that there are none. */
    next_cursor?: string;
    /** view says how old the list may be. */
    view?: Freshness;
}
/**
 * Key is an API key as everybody may see it who may list keys. The secret is in no store: only its
 * holder has it.
 */
export interface Key {
    created_at: string;
    created_by: string;
    /** expires_at is when the key ends by itself. Absent means never. */
    expires_at?: string;
    /** id is the part of the key that is no secret. */
    id: string;
    /** name is for people, 1 to 64 of a-z, 0-9, _ and -. */
    name: string;
    reason?: string;
    /** revoked_at is when somebody ended it, RevokedBy who and Reason why. */
    revoked_at?: string;
    revoked_by?: string;
    /** scopes are what the key may do: read, submit, control, rollback, decide, admin. */
    scopes: string[];
    /** tenant is whose work the key may see. "*" means every tenant's. */
    tenant: string;
    /** used_at is the hour in which the key was used last. Absent means never. */
    used_at?: string;
}
/**
 * KeyList is the answer of GET /v1/keys: keys that were made first come first, also those that have
 * ended in the last 90 days.
 */
export interface KeyList {
    keys: Key[];
}
/** KeyMade is the answer of POST /v1/keys. */
export interface KeyMade {
    key: Key;
    /** token is the whole key. It is shown here and never again. */
    token: string;
}
/** KeyRequest is the body of POST /v1/keys. */
export interface KeyRequest {
    /** expires_at is when the key ends. Absent means never. */
    expires_at?: string;
    name: string;
    scopes: string[];
    /**
     * tenant is whose work the key may see. Empty means the tenant of the request, "*" every
     * tenant's.
     */
    tenant?: string;
}
/**
 * Operation is a bulk action: a verb, and the jobs or dead letters that the filter matched when it
 * was accepted. What comes later is no part of it.
 */
export interface Operation {
    /** accept_irreversible lets a rollback leave what cannot be taken back. */
    accept_irreversible?: boolean;
    /** accepted_at is when the filter was frozen, ChangedAt when it was started or stopped last. */
    accepted_at: string;
    /** by is who asked for it. */
    by?: string;
    changed_at: string;
    /**
     * changed_by is who did that. Empty means that it stopped by itself, or has run since it was
     * accepted.
     */
    changed_by?: string;
    code?: string;
    /** counts are those of its items. */
    counts: OperationCounts;
    /** dry_run says of each item what would become of it, and does nothing. */
    dry_run?: boolean;
    filter: OperationFilter;
    id: string;
    /**
     * in_flight is how many items are on their way at once at most, up to 1000. An item is until
     * its job has taken the command and has come to rest again (final, in attention or paused), or
     * 60 seconds have passed since it took it. Zero means 50.
     */
    in_flight?: number;
    /** pace is how many items a second are begun now. */
    pace?: number;
    /**
     * rate is how many items are begun in a second at most, up to 1000. An operation starts at a
     * tenth of it and doubles while all goes well. Zero means 10.
     */
    rate?: number;
    /** reason is kept with the operation and in the history of each job; 1 byte to 1 KiB. */
    reason: string;
    /**
     * rerun says how jobs are run again. Nil means by their own version, reusing what has not
     * changed.
     */
    rerun?: RerunOptions;
    /** revision counts its starts and stops; it is also the ETag. */
    revision: number;
    state: 'running' | 'stopped' | 'done';
    stop_on?: StopOn;
    verb: 'cancel' | 'retry' | 'abandon' | 'pause' | 'resume' | 'rollback' | 'rerun' | 'redrive';
    /** why says why it stopped, and Code is the fault behind that when it stopped by itself. */
    why?: string;
}
/** OperationCounts count the items of an operation. */
export interface OperationCounts {
    /** again took the command and have failed again since. */
    again: number;
    /** done took the command, or would take it in a dry run. */
    done: number;
    /** failed did not for another reason. */
    failed: number;
    /** in_flight are on their way. */
    in_flight: number;
    /** matched is how many there are. It is Done, Refused, Failed and Remaining together. */
    matched: number;
    /** refused did not, because of the state that they are in. */
    refused: number;
    /** remaining have no result yet. */
    remaining: number;
}
/**
 * OperationFilter says which jobs, or for redrive which dead letters, an operation is about. All
 * that is said must hold, and something must be said.
 */
export interface OperationFilter {
    /** code is that of the fault of a job, or of one of its steps, or of a letter. */
    code?: string;
    /** consumer is the one that gave a dead letter up. */
    consumer?: string;
    /** ids name jobs or dead letters. */
    ids?: string[];
    /** labels are labels that a job must have. */
    labels?: {
        [name: string]: string;
    };
    /** pipeline is the name of a job's pipeline. */
    pipeline?: string;
    /** since and Until bound when a job was accepted, or a letter given up. */
    since?: string;
    /**
     * States are states of a job. A job that is in none of them when its turn comes is left alone.
     */
    state?: JobState[];
    until?: string;
}
/** OperationItem is a job or a dead letter of an operation. */
export interface OperationItem {
    again?: string;
    /** at is when it came to that state. */
    at?: string;
    /** code and Detail say why it was refused or failed. */
    code?: string;
    detail?: string;
    /** id is the job's, or the dead letter's. */
    id: string;
    /**
     * job is the job that a redriven letter is about or makes, or that runs a job again. JobState
     * is where the job came to rest after the command, and Again the fault with which it has failed
     * again.
     */
    job?: string;
    job_state?: JobState;
    /** number counts the items from 1. */
    number: number;
    state: 'pending' | 'sent' | 'done' | 'refused' | 'failed';
}
/** OperationItems is the answer of GET /v1/operations/{id}/items, in their order. */
export interface OperationItems {
    items: OperationItem[];
    /** next_cursor asks for the items after these. Empty means that there are none. */
    next_cursor?: string;
}
/** OperationList is the answer of GET /v1/operations, newest first. */
export interface OperationList {
    operations: Operation[];
}
/** OperationRequest is the body of POST /v1/operations. */
export interface OperationRequest {
    /** accept_irreversible lets a rollback leave what cannot be taken back. */
    accept_irreversible?: boolean;
    /** dry_run says of each item what would become of it, and does nothing. */
    dry_run?: boolean;
    filter: OperationFilter;
    /**
     * in_flight is how many items are on their way at once at most, up to 1000. An item is until
     * its job has taken the command and has come to rest again (final, in attention or paused), or
     * 60 seconds have passed since it took it. Zero means 50.
     */
    in_flight?: number;
    /**
     * rate is how many items are begun in a second at most, up to 1000. An operation starts at a
     * tenth of it and doubles while all goes well. Zero means 10.
     */
    rate?: number;
    /** reason is kept with the operation and in the history of each job; 1 byte to 1 KiB. */
    reason: string;
    /**
     * rerun says how jobs are run again. Nil means by their own version, reusing what has not
     * changed.
     */
    rerun?: RerunOptions;
    stop_on?: StopOn;
    verb: 'cancel' | 'retry' | 'abandon' | 'pause' | 'resume' | 'rollback' | 'rerun' | 'redrive';
}
/** Pipeline is one version of a pipeline: the answer of GET /v1/pipelines/{name}. */
export interface Pipeline {
    description?: string;
    digest: string;
    labels?: {
        [name: string]: string;
    };
    name: string;
    /** params_schema is the JSON Schema of the parameters, when there is one. */
    params_schema?: unknown;
    /** source is the file as it was applied. */
    source: string;
    steps: PipelineStep[];
}
/** PipelineCount is how many jobs of a pipeline there are. */
export interface PipelineCount {
    jobs: number;
    name: string;
    states: {
        [name: string]: number;
    };
}
/** PipelineEntry is a pipeline in a list. */
export interface PipelineEntry {
    /** applied_at is when that version became the current one. */
    applied_at: string;
    /** applied_by is who has done that. Empty means that nobody was asked. */
    applied_by?: string;
    description?: string;
    /** digest is the version that new jobs are given. */
    digest: string;
    name: string;
}
/** PipelineList is the answer of GET /v1/pipelines. */
export interface PipelineList {
    pipelines: PipelineEntry[];
}
/** PipelineRef is one immutable version of a pipeline. */
export interface PipelineRef {
    /** digest is "sha256:" and the digest of the pipeline file. */
    digest: string;
    /** name is the pipeline's name. */
    name: string;
}
/** PipelineStep is a step of a pipeline. */
export interface PipelineStep {
    critical: boolean;
    id: string;
    /** irreversible is true when what the step does cannot be taken back. */
    irreversible?: boolean;
    /**
     * max_attempts is how many attempts may fail before the step does. A rule can say otherwise.
     */
    max_attempts?: number;
    needs?: string[];
    /** stage is the name and version of the stage: "compress@1". */
    stage: string;
}
/** PipelineVersion is one version that a name has had. */
export interface PipelineVersion {
    /** applied_at is when it was applied under the name for the first time. */
    applied_at: string;
    /** applied_by is who has done that. Empty means that nobody was asked. */
    applied_by?: string;
    digest: string;
}
/** PipelineVersions is the answer of GET /v1/pipelines/{name}/versions, oldest first. */
export interface PipelineVersions {
    versions: PipelineVersion[];
}
/** PlacedEvent is an event at its place in the log. */
export interface PlacedEvent {
    /** event is an events.Notification, as a webhook would send it. */
    event: unknown;
    /** place grows from event to event, with gaps. It is the id of a server-sent event. */
    place: number;
    /** type is what happened, such as job.completed. */
    type: string;
}
/** Principal is the answer of GET /v1/whoami. */
export interface Principal {
    any_tenant?: boolean;
    /** by is how the audit names whoever asks. */
    by: string;
    /**
     * expires_at is when the credentials end. Absent means that they do not, or that nobody knows.
     */
    expires_at?: string;
    /** identity is "off" when nobody has to say who they are, else "on". */
    identity: string;
    /** scopes are what whoever asks may do. */
    scopes: string[];
    /**
     * tenant is whose work the request is about, and AnyTenant true when another may be named with
     * the Millrace-Tenant header.
     */
    tenant: string;
}
/** Prior is what a step of a job gave, and all that it depended on, for a rerun of the job. */
export interface Prior {
    /**
     * config is the digest of the configuration that it was done with, and Inputs that of the
     * files.
     */
    config?: string;
    /** files are the result. */
    files?: File[];
    /** findings are the small facts of the result. */
    findings?: {
        [name: string]: string;
    };
    /** inputs is the digest of the files, and for a stage that fetches, of the sources. */
    inputs?: string;
    /** job is the job that did the work, and with which its effects stay. */
    job: string;
    /**
     * lacks is why the result cannot be taken over, whatever else is unchanged. Empty means that it
     * can.
     */
    lacks?: ReuseReason;
    /** logic is the version of the stage's logic that made the result. */
    logic?: string;
    /** stage is the name and version of the stage that did it. */
    stage?: string;
}
/** Problem says why a request was refused (RFC 9457). */
export interface Problem {
    /**
     * allowed are the commands that the job takes as it is now. Only of a command that was refused.
     */
    allowed?: Choice[];
    /** class says what may be done next. */
    class: string;
    /**
     * code names the fault; it is stable. The page FAULTS.md beside the schemas lists all codes.
     */
    code: string;
    /** detail says what happened this time. */
    detail?: string;
    /** errors are the single complaints, when there are several or one has a place. */
    errors?: ProblemError[];
    /** hint says what to do about it. */
    hint?: string;
    /** instance names this occurrence. */
    instance?: string;
    /** job is the job that an idempotency key was first used for. */
    job?: string;
    /** retryable is true when the same request may succeed later. */
    retryable: boolean;
    /** status is the HTTP status that fits. */
    status: number;
    /** title says in a few words what happened; it depends on the code alone. */
    title: string;
    /** type is an address that names the kind of problem. */
    type: string;
}
/** ProblemError is one of several complaints. */
export interface ProblemError {
    /** code names the fault, or the rule of a pipeline check. */
    code: string;
    /** detail says what is wrong there. */
    detail: string;
    /** hint says what to do about it. */
    hint?: string;
    /** pointer is a JSON pointer into the request, or file:line:column. */
    pointer: string;
}
/** Reason says why a job, a step, or the undo of a step stands where it stands. */
export interface Reason {
    /**
     * attempts_left is how many attempts the budget still holds, the one at hand among them. Zero
     * when it has settled or a person is asked.
     */
    attempts_left?: number;
    /** choices are the commands that move it, or all that the job takes. */
    choices?: Choice[];
    /** fault is the newest one that has to do with it. */
    fault?: Fault;
    next?: string;
    /** reuse is what a rerun decided about the step. */
    reuse?: Reuse;
    state: string;
    /**
     * step is the step it is about, empty for the job. Undo is true when it is about the step's
     * undo.
     */
    step?: string;
    undo?: boolean;
    /** until is when it moves on by itself. Zero means that no timer moves it. */
    until?: string;
    /** waits_for are the steps that it waits for. */
    waits_for?: string[];
    /** why says it in a sentence, and Next what moves it on. Next is empty when nothing will. */
    why: string;
}
/** Receipt answers a submission. */
export interface Receipt {
    /** duplicate is true when the key had made this job before. */
    duplicate: boolean;
    /** job is the job's id. */
    job: string;
    /** outcome is set when the job is final. */
    outcome?: JobOutcome;
    /** state is where the job stands now. */
    state: JobState;
}
/**
 * Record is one committed transition of a job: what came in, what happened, the state after it and
 * what is now due. Applying Input to the state of the record before, with Time and Entropy, gives
 * Job again, byte for byte.
 */
export interface Record {
    /** attempt is the attempt of that step. */
    attempt?: number;
    /**
     * cause is what happened when Type is the state that the job has entered by it, for example
     * "undo.failed" of a record of type "job.attention". Older records have none.
     */
    cause?: string;
    /** due is what became due with this record. */
    due?: DueItem[];
    /** entropy is the random number that the decision used. */
    entropy?: number;
    /** input is what the machine was given. */
    input: Input;
    /** job is the state after the transition. */
    job: JobBody;
    /** revision counts the records of the job from 1, without gaps. */
    revision: number;
    /** step and Attempt name what the event speaks of; empty for the job itself. */
    step?: string;
    /** time is when the decision was made. */
    time: string;
    /** tx is the id of the write that made the record. */
    tx: string;
    /** type is the event's name, for example "step.succeeded". */
    type: string;
}
/**
 * Recoveries is the answer of GET /v1/stats/recovery: how long jobs were in trouble, from their
 * first failure until nothing failed any more or they were given up.
 */
export interface Recoveries {
    spans: Recovery[];
    view?: Freshness;
}
/**
 * Recovery is what is known of the trouble that ended within a span of time. The times are those of
 * the jobs that recovered, in milliseconds; all but the mean are right to about a tenth.
 */
export interface Recovery {
    at: string;
    given_up: number;
    mean_ms: number;
    median_ms: number;
    p95_ms: number;
    recovered: number;
}
/** Redrive is the body of POST /v1/deadletters/{id}/redrive. It may be left out. */
export interface Redrive {
    /**
     * data is the payload to publish in place of the letter's: a JSON object. Empty means the
     * letter's own.
     */
    data?: unknown;
    /** reason is kept with the letter; at most 1 KiB. */
    reason?: string;
}
/** Replay sends events again that were sent before, or should have been. */
export interface Replay {
    created_at: string;
    /** from and To are the first and the last record that it looks at. */
    from: number;
    id: string;
    /** job is the one job that it is about. Empty means all. */
    job?: string;
    to: number;
    types?: string[];
}
/** ReplayRequest is the body of POST /v1/webhooks/{id}/replay. */
export interface ReplayRequest {
    /** since and Until bound when the events happened. Until may be absent, which means now. */
    since: string;
    /** types are the types of events. None means those of the endpoint. */
    types?: string[];
    until?: string;
}
/** Rerun is what a job runs again, and how. */
export interface Rerun {
    /** by is who asked for it. */
    by?: string;
    /** from_step is the step that runs again in any case, with all that depend on it. */
    from_step?: string;
    /**
     * job is the job that is run again, and Revision that of its state from which results were
     * taken over.
     */
    job: string;
    /** no_reuse means that every step runs again. */
    no_reuse?: boolean;
    /** reason is why, for people and for the audit. */
    reason?: string;
    /** revision is that of the job's state. */
    revision: number;
}
/** RerunOptions say how a job that has ended is to be run again. */
export interface RerunOptions {
    /**
     * from_step is a step that runs again in any case, with all that depend on it. Empty means that
     * only what has changed runs again.
     */
    from_step?: string;
    /** params take the place of those of the job that have the same name. */
    params?: unknown;
    /**
     * pipeline_version is "same", which empty means too, "newest", or the digest of a version of
     * the job's pipeline.
     */
    pipeline_version?: string;
    /** reuse is false when every step is to run again. Nil means true. */
    reuse?: boolean;
}
/** RerunPlan says what a rerun of a job would do about each step. */
export interface RerunPlan {
    /** job is the job that would be run again, and Revision that of its state. */
    job: string;
    /** pipeline is the version that the rerun would keep to. */
    pipeline: PipelineRef;
    revision: number;
    /** steps are in the order of the pipeline. */
    steps: RerunStep[];
}
/** RerunRequest is the body of POST /v1/jobs/{id}/rerun, which may be left out. */
export interface RerunRequest {
    /** dry_run answers with a RerunPlan, and does nothing. */
    dry_run?: boolean;
    /**
     * from_step is a step that runs again in any case, with all that depend on it. Empty means that
     * only what has changed runs again.
     */
    from_step?: string;
    /** key is the idempotency key of the new job, like the header. */
    key?: string;
    /** params take the place of those of the job that have the same name. */
    params?: unknown;
    /**
     * pipeline_version is "same", which empty means too, "newest", or the digest of a version of
     * the job's pipeline.
     */
    pipeline_version?: string;
    /** reason is kept in the new job; at most 1 KiB. */
    reason?: string;
    /** reuse is false when every step is to run again. Nil means true. */
    reuse?: boolean;
}
/** RerunStep says what a rerun would do about a step. */
export interface RerunStep {
    /**
     * decision is reuse, run, skip or fail; open when it is made once what the step needs is there.
     */
    decision: string;
    /** job is the job that did the work, and with which its effects stay, when it is reused. */
    job?: string;
    /** reason is why it is reused or runs again, and Why says it in a sentence. */
    reason?: ReuseReason;
    stage: string;
    step: string;
    why: string;
}
/** Resumed is where an attempt went on. */
export interface Resumed {
    /** cause is what ended the attempt before. */
    cause?: Fault;
    /** checkpoint is the number of the place. 0 means the start. */
    checkpoint?: number;
    /** claim is the place of the claim in the checkpoint chain. */
    claim: number;
    /** decision is what was made of the checkpoints. */
    decision: 'started' | 'resumed' | 'fell_back' | 'restarted';
    /** done is what was not done again, and Total the whole, in bytes. */
    done?: number;
    /**
     * percent is how much of the whole was not done again, rounded down. 0 while the whole is
     * unknown.
     */
    percent?: number;
    /** reason is why it was decided so, for people. */
    reason?: string;
    /** total is the whole. 0 while unknown. */
    total?: number;
}
/** Reuse is what a rerun decided about a step, when its turn came. */
export interface Reuse {
    /**
     * job is the job that did the work, and with which its effects stay. Only when it was reused.
     */
    job?: string;
    /** reason is why it was reused, or was not. */
    reason: ReuseReason;
    /** reused is true when the step was not run, because an earlier result holds. */
    reused?: boolean;
}
/**
 * Rollback is the answer of GET /v1/jobs/{id}/rollback: what a rollback of the job would do. The
 * revision is also the ETag, which POST wants in If-Match.
 */
export interface Rollback {
    /** digest stands for all of it; the order names it as its plan. */
    digest: string;
    job: string;
    revision: number;
    /** steps are what the job did outside, in the order in which it is taken back. */
    steps: RollbackStep[];
}
/** RollbackStep is one step of a rollback. */
export interface RollbackStep {
    /** Attempt, Files and Findings are those of the result that is taken back. */
    attempt: number;
    files?: File[];
    findings?: {
        [name: string]: string;
    };
    /** reversible is false for what stays. */
    reversible: boolean;
    stage: string;
    step: string;
}
/** Route is one route of the HTTP API. */
export interface Route {
    method: string;
    /** mill is true for routes about the whole mill: they take no principal of one tenant. */
    mill?: boolean;
    path: string;
    /**
     * scope is what a principal needs while identity is on: the name of a scope, or several of
     * which one is enough; "known" for anybody who has proved who they are, "open" for everybody.
     * Empty means that the route is closed.
     */
    scope: string;
    summary: string;
}
/**
 * Rule is an operator's instruction about failed attempts: which ones it is about, and what is done
 * in place of what the fault's class and the step's policy say.
 */
export interface Rule {
    /** by is who set the rule, as they say themselves. */
    by?: string;
    /** created_at is when the rule was set. The store fills it in. */
    created_at?: string;
    /** match says which failed attempts the rule is about. */
    match: RuleMatch;
    /** name names the rule. It is part of the address when a rule is set. */
    name?: string;
    /** reason is why, for people and for the audit. */
    reason: string;
    /**
     * revision counts the changes of all rules. The store fills it in; two rules never have the
     * same.
     */
    revision?: number;
    /** then says what is done about them. */
    then: RuleThen;
    /** until is when the rule ends by itself. A rule without it holds until somebody removes it. */
    until?: string;
}
/** RuleChange is one entry of the audit: who changed a rule, when, to what, and why. */
export interface RuleChange {
    /** action is what was done. */
    action: RuleAction;
    /** at is when. */
    at: string;
    /** by is who did it, as they say themselves. */
    by: string;
    /** name is the rule's. */
    name: string;
    /** reason is why. */
    reason: string;
    /** revision counts the changes of all rules. */
    revision?: number;
    /** rule is the rule as it was set; nothing when it was removed. */
    rule?: Rule;
}
/**
 * RuleHistory is the answer of GET /v1/rules/{name}/history: what was done to the rule, oldest
 * first. The last 64 changes are kept.
 */
export interface RuleHistory {
    changes: RuleChange[];
}
/** RuleList is the answer of GET /v1/rules: the rules that are in force, by name. */
export interface RuleList {
    rules: Rule[];
}
/** RuleMatch is about a failed attempt when all that is given fits. At least one must be given. */
export interface RuleMatch {
    /** class is the class that the fault has. */
    class?: string;
    /** code is the fault's code, or its beginning and an asterisk: "httpcall.*". */
    code?: string;
    /**
     * dependency is what did not answer, or its beginning and an asterisk: "http:crm.example.com*".
     */
    dependency?: string;
    /** pipeline is the name of the job's pipeline. */
    pipeline?: string;
    /** stage is the step's stage, with its version or for all of them: "fetch". */
    stage?: string;
    /** tenant is whose job it is. */
    tenant?: string;
}
/** RuleSet is the answer of PUT /v1/rules/{name}. */
export interface RuleSet {
    /** created is false when a rule of that name was in force, and was replaced. */
    created: boolean;
    /** rule is the rule as it is stored, with its time and revision. */
    rule: Rule;
    /** warnings are what the operator should know. */
    warnings?: string[];
}
/**
 * RuleThen is what is done about a failed attempt. What is left out stays as the fault's class and
 * the step's policy say. At least one must be given.
 */
export interface RuleThen {
    /** class is what the fault is treated as. */
    class?: string;
    /** factor is what the longest delay grows by with each failure. */
    factor?: number;
    /** initial_ms is the longest delay after the first failure, in milliseconds. */
    initial_ms?: number;
    /** max_attempts is the budget of failed attempts that count. */
    max_attempts?: number;
    /** max_ms is the longest delay after any failure, in milliseconds. */
    max_ms?: number;
    /**
     * rate is how many next attempts each conductor makes due by this rule, per second, minute or
     * hour: "2/s".
     */
    rate?: string;
    /**
     * retry_after_ms is the shortest wait before the next attempt in place of a growing one, in
     * milliseconds. Up to a tenth is added.
     */
    retry_after_ms?: number;
}
/**
 * Ruling is what a rule said about one failed attempt. What is left out stays as the fault's class
 * and the step's policy say.
 */
export interface Ruling {
    /** class is what the fault is treated as. */
    class?: string;
    /** factor is what the longest delay grows by with each failure. */
    factor?: number;
    /** initial_ms is the longest delay after the first failure, in milliseconds. */
    initial_ms?: number;
    /** max_attempts is the budget in place of the step's. */
    max_attempts?: number;
    /** max_ms is the longest delay after any failure, in milliseconds. */
    max_ms?: number;
    /** retry_after_ms is the shortest wait in place of the fault's, in milliseconds. */
    retry_after_ms?: number;
    /**
     * retry_at is when the next attempt is due, if there is one: the place that a rule with a rate
     * has given it.
     */
    retry_at?: string;
    /** revision is that of the rule. */
    revision?: number;
    /** rule is the name of the rule. */
    rule: string;
}
/** RunbookStep is one command of a runbook, and what it is for. */
export interface RunbookStep {
    command: string;
    do: string;
}
/** Source says where a file comes from. Exactly one of URL, Digest and Inline is set. */
export interface Source {
    /** digest names an artifact that the store already holds. */
    digest?: string;
    /** inline is the content itself, at most 64 KiB. */
    inline?: string;
    /** media_type is what the submitter declares; identify compares it. */
    media_type?: string;
    /** name is the file's base name. Empty means the last part of the URL. */
    name?: string;
    /** size in bytes, when it is known. Zero means unknown for a URL. */
    size?: number;
    /** url is a file, http or https address. */
    url?: string;
}
/** Stage is what there is to know about a stage without running it. */
export interface Stage {
    /** config is the JSON Schema of a step's configuration. */
    config?: unknown;
    faults?: string[];
    findings?: {
        [name: string]: string;
    };
    guarantee?: string;
    inputs?: string;
    /** logic changes whenever the same input may give other output. */
    logic?: string;
    name: string;
    /** needs names the dependencies that every task calls. Others may be called as well. */
    needs?: string[];
    outputs?: string;
    summary: string;
    /** timeout_ms is the default for one attempt, in milliseconds. Zero means 5 minutes. */
    timeout_ms?: number;
    version: number;
    /**
     * writes_little says that the stage goes on while a disk has little room, when the stages that
     * write content rest.
     */
    writes_little?: boolean;
}
/** StageList is the answer of GET /v1/stages. */
export interface StageList {
    stages: Stage[];
}
/** Step is the state of a step. */
export interface Step {
    /** attempt counts the tries from 1; it is 0 before the first. */
    attempt: number;
    /** decision is what a person is asked about the step, or was asked last. */
    decision?: DecisionRecord;
    /**
     * effect is the stage's name for the effect that a person must decide about. Only in state
     * attention.
     */
    effect?: string;
    /** fault is why the last attempt failed. */
    fault?: Fault;
    /** files are the result. */
    files?: File[];
    /** findings are the small facts of the result. */
    findings?: {
        [name: string]: string;
    };
    /** logic is the version of the stage's logic that made the result. */
    logic?: string;
    /** order counts the steps that ended with effects, from 1; compensation runs it backwards. */
    order?: number;
    /**
     * prior is what the step gave in the job before. Only of a rerun, until the step's turn comes.
     */
    prior?: Prior;
    /** queued_at is since when the open attempt waits for a worker. Only with a limit on that. */
    queued_at?: string;
    /** reason is why a step was skipped: when_false, needs_failed or by_person. */
    reason?: string;
    /** resumed is where the open or last attempt went on, if it did not begin at the start. */
    resumed?: Resumed;
    /** retry_at is when the next attempt is due. Only in state retrying. */
    retry_at?: string;
    /**
     * reuse is what a rerun decided about the step. Only of a rerun, once the step's turn has come.
     */
    reuse?: Reuse;
    /** ruling is what a rule said about that fault. */
    ruling?: Ruling;
    /** settle is what a person said about effects that nobody could tell of. */
    settle?: Settlement;
    /** spent counts the tries that used up the retry budget. */
    spent?: number;
    /** stage is the name and version of the stage: "compress@1". */
    stage: string;
    /** state is where the step stands. */
    state: StepState;
    /** undo is the state of the step's compensation, when there is one. */
    undo?: StepUndo;
    /**
     * until is when the step is given up, settled or not. Only with a limit on that, from the first
     * attempt on.
     */
    until?: string;
}
/** StepUndo is the state of a compensation. */
export interface StepUndo {
    /** accepted is why a person took a failed compensation for done. */
    accepted?: string;
    /** attempt counts the tries from 1. */
    attempt: number;
    /** decision is what a person is asked about the compensation, or was asked last. */
    decision?: DecisionRecord;
    /** fault is why the last attempt failed. */
    fault?: Fault;
    /** retry_at is when the next attempt is due. Only in state retrying. */
    retry_at?: string;
    /** ruling is what a rule said about that fault. */
    ruling?: Ruling;
    /** spent counts the tries that used up the retry budget. */
    spent?: number;
    /** state is where the compensation stands. */
    state: UndoState;
}
/** StopOn says when an operation stops by itself. */
export interface StopOn {
    /**
     * failures_percent is the share of the last 50 items, of which there are at least 5, whose job
     * fails again because of a dependency that is down, limits the rate or does not answer in time.
     * 100 means never, zero 20.
     */
    failures_percent?: number;
    /**
     * ignore_breakers lets it go on though the circuit of a dependency is open that its jobs have
     * to do with.
     */
    ignore_breakers?: boolean;
}
/** Throughput is the answer of GET /v1/stats/throughput. */
export interface Throughput {
    spans: Flow[];
    view?: Freshness;
}
/** TimerFired says that a timer's time has come. */
export interface TimerFired {
    /** attempt is the attempt that is now due. */
    attempt: number;
    /** job is the job's id. */
    job: string;
    /**
     * limit is the limit that is over. Empty means that the time of the next attempt has come. For
     * the limit of a job, step is -.
     */
    limit?: Limit;
    /** step is the step that waits. */
    step: string;
    /** tenant is whose job it is. */
    tenant: string;
    /** undo is true for the timer of a compensation. */
    undo?: boolean;
}
/** Version is the answer of GET /version. */
export interface Version {
    go: string;
    revision?: string;
    version: string;
}
/** View is the answer of GET /v1/view: what the list of jobs is kept in. */
export interface View {
    /** building is the generation that will take over, if there is one. */
    building?: Building;
    /** database is sqlite or postgres. */
    database: string;
    /** generation counts how often the list was built. */
    generation: number;
    /**
     * lag is how many records it is behind at most, and LagSeconds how old the oldest of them is.
     */
    lag: number;
    lag_seconds: number;
    /** newest is the sequence of the last record of the log. */
    newest: number;
    problem?: string;
    /** sequence is that of the last record that the list holds. */
    sequence: number;
    /** stale is true while the list does not move, for the reason in Problem. */
    stale?: boolean;
    /** writer is true when the process that answers writes the list; others read it. */
    writer: boolean;
}
/** Webhook is an endpoint that events are sent to. */
export interface Webhook {
    changed_at: string;
    created_at: string;
    description?: string;
    enabled: boolean;
    id: string;
    pipelines: string[];
    /** reason says why it is not enabled. */
    reason?: string;
    /** replays are those that have not ended. */
    replays?: Replay[];
    /** revision changes with every change; it is also the ETag. */
    revision: number;
    scheme: string;
    /** secret is the newest secret. It is shown when it is made and never again. */
    secret?: string;
    secrets: WebhookSecret[];
    status: WebhookStatus;
    types: string[];
    url: string;
}
/** WebhookChange is the body of PATCH /v1/webhooks/{id}. What is absent stays. */
export interface WebhookChange {
    description?: string;
    /**
     * enabled switches the endpoint on or off. One that is switched on goes on where it stopped.
     */
    enabled?: boolean;
    pipelines?: string[];
    /** reason says why it is switched off. */
    reason?: string;
    /** skip leaves out what has happened so far and was not sent. */
    skip?: boolean;
    types?: string[];
    url?: string;
}
/** WebhookList is the answer of GET /v1/webhooks, by id. */
export interface WebhookList {
    webhooks: Webhook[];
}
/** WebhookRequest is the body of POST /v1/webhooks. */
export interface WebhookRequest {
    /** description is for people. */
    description?: string;
    /** pipelines are names of pipelines. None means all. */
    pipelines?: string[];
    /**
     * scheme is how events are signed: "v1" with a shared secret, "v1a" with a pair of keys. Empty
     * means v1.
     */
    scheme?: string;
    /**
     * types are types of events, or of what has caused them, each whole or as a group:
     * "job.completed", "step.*", "*". None means "job.*".
     */
    types?: string[];
    /** url is where events are posted: http or https. */
    url: string;
}
/** WebhookRotation is the body of POST /v1/webhooks/{id}/rotate. */
export interface WebhookRotation {
    /**
     * overlap_seconds is for how long the secrets of before sign as well. Absent means a day, at
     * most 30 days.
     */
    overlap_seconds?: number;
}
/** WebhookSecret is what may be known of a secret. */
export interface WebhookSecret {
    created_at: string;
    /** expires_at is when it signs no more. Absent means never. */
    expires_at?: string;
    id: string;
    /** public is the public key of scheme v1a. */
    public?: string;
}
/** WebhookStatus is how far an endpoint has come. */
export interface WebhookStatus {
    failing_since?: string;
    /**
     * failures counts the attempts that failed since the last success, and FailingSince is when the
     * first of them was made.
     */
    failures?: number;
    /** position is the last record that was looked at. */
    position: number;
    /** waiting is how many jobs have an event that was not taken yet. */
    waiting: number;
}
/** Progress is how far an attempt is. It may be lost and decides nothing. */
export interface Progress {
    /** attempt counts the tries from 1. */
    attempt: number;
    /** done and Total count bytes, or the stage's own unit. Total is 0 while unknown. */
    done: number;
    /** job is the job's id. */
    job: string;
    /** step is the step's id in the pipeline. */
    step: string;
    /** tenant is whose job it is. */
    tenant: string;
    /** time is when it was counted. */
    time: string;
    /** total is what Done will be at the end. */
    total?: number;
    /** unit is what is counted. Empty means bytes. */
    unit?: string;
}
/**
 * Notification is the body of a webhook: a CloudEvent in structured mode that says what happened to
 * a job, and where the job stands then.
 */
export interface Notification {
    /** data is what happened. */
    data: NotificationData;
    /** datacontenttype is that of Data: "application/json". */
    datacontenttype: string;
    /** dataschema is the address of the schema of Data. */
    dataschema: string;
    /**
     * id names the event: <tenant>/<job>/<revision>. The same event to another endpoint has the
     * same id.
     */
    id: string;
    /** source is "/millrace". */
    source: string;
    /** specversion is that of CloudEvents: "1.0". */
    specversion: string;
    /** subject is "job/" and the job's id. */
    subject: string;
    /** tenant is whose job it is. */
    tenant: string;
    /** time is when it was decided. */
    time: string;
    /** timestamp is Time, by the name that Standard Webhooks have for it. */
    timestamp: string;
    /** type is what happened, as CloudEvents name it: "dev.millrace.job.completed.v1". */
    type: string;
}
/**
 * NotificationData is what happened to a job, and a summary of the job after it. Parameters and
 * addresses of sources are left out.
 */
export interface NotificationData {
    /** accepted_at is when the first record was made. */
    accepted_at: string;
    /**
     * cause is what happened when Event is the state that the job has entered by it: "undo.failed".
     */
    cause?: string;
    /** event is the type of the record: "job.completed". */
    event: string;
    /** fault is what made the job fail, or call for attention. */
    fault?: Fault;
    /** finished_at is when the job became final. */
    finished_at?: string;
    /** job is the job's id. */
    job: string;
    /** key is the idempotency key. */
    key?: string;
    /** labels are those of the job. */
    labels?: {
        [name: string]: string;
    };
    /** missing lists the steps that a partial job has no result of. */
    missing?: string[];
    /** outputs are the first 50 files that a final job leaves, by the pipeline's names for them. */
    outputs?: {
        [name: string]: File[];
    };
    /** outputs_clipped says that there are more outputs than these. */
    outputs_clipped?: boolean;
    /** pipeline is the version that the job keeps to its end. */
    pipeline: PipelineRef;
    /** reason is why the job was paused, cancelled or rolled back. */
    reason?: string;
    /** revision counts the records of the job from 1. */
    revision: number;
    /** state is where the job stands. */
    state: JobState;
    /** step is the step that the event speaks of. */
    step?: NotificationStep;
    /** steps is how many steps the job has, and StepsDone how many are in a final state. */
    steps: number;
    /** steps_done counts the steps that are in a final state. */
    steps_done: number;
}
/** NotificationStep is a step of a job as an event leaves it. */
export interface NotificationStep {
    /** attempt counts the tries from 1. */
    attempt?: number;
    /** fault is why the last attempt failed. */
    fault?: Fault;
    /** id is the step's id in the pipeline. */
    id: string;
    /** state is where the step stands. */
    state?: StepState;
    /** undo is where the step's compensation stands, when there is one. */
    undo?: NotificationUndo;
}
/** NotificationUndo is the compensation of a step as an event leaves it. */
export interface NotificationUndo {
    /** attempt counts the tries from 1. */
    attempt: number;
    /** fault is why the last try failed. */
    fault?: Fault;
    /** state is where the compensation stands. */
    state: UndoState;
}
/** PutFileQuery is what can be asked of POST /v1/artifacts. */
export interface PutFileQuery {
    /** What the file is said to be. */
    media_type?: string;
    /** The base name of the file. */
    name?: string;
}
/** GetFileQuery is what can be asked of GET /v1/artifacts/{digest}. */
export interface GetFileQuery {
    /** A job that has the file, for who may see it but not every file. */
    job?: string;
    /** The name to save it under. */
    name?: string;
}
/** PutFileByDigestQuery is what can be asked of PUT /v1/artifacts/{digest}. */
export interface PutFileByDigestQuery {
    /** What the file is said to be. */
    media_type?: string;
    /** The base name of the file. */
    name?: string;
}
/** ListAuditQuery is what can be asked of GET /v1/audit. */
export interface ListAuditQuery {
    /** What was done: all of the word, or what it begins with, such as webhook. */
    action?: string;
    /** What one did. */
    by?: string;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The size of a page. */
    limit?: number;
    /** What came of it. */
    outcome?: 'begun' | 'done' | 'failed';
    /** What was kept then or later. */
    since?: string;
    /** What it was done to. */
    target?: string;
    /** What began before. */
    until?: string;
}
/** ListDeadLettersQuery is what can be asked of GET /v1/deadletters. */
export interface ListDeadLettersQuery {
    /** The code of the fault. */
    code?: string;
    /** The consumer that gave them up. */
    consumer?: string;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The size of a page. */
    limit?: number;
    /** When the oldest may have been given up. */
    since?: string;
    /** What was done about them. */
    state?: 'open' | 'redriving' | 'redriven' | 'dropped';
}
/** DropDeadLetterQuery is what can be asked of DELETE /v1/deadletters/{id}. */
export interface DropDeadLetterQuery {
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** ListDecisionsQuery is what can be asked of GET /v1/decisions. */
export interface ListDecisionsQuery {
    /** Those with a fault of one class. */
    class?: FaultClass;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The size of a page. */
    limit?: number;
    /** Those alone of which a due time has passed. */
    overdue?: boolean;
    /** Those of the jobs of one pipeline. */
    pipeline?: string;
    /** Those as well of jobs of which other steps go on. */
    running?: boolean;
}
/** ListDeliveriesQuery is what can be asked of GET /v1/deliveries. */
export interface ListDeliveriesQuery {
    /** The next_cursor of the page before. */
    cursor?: string;
    /** Those about one job. */
    job?: string;
    /** The size of a page. */
    limit?: number;
    /** What they led to. */
    outcome?: 'delivered' | 'failed' | 'given_up';
    /** Those to one endpoint. */
    webhook?: string;
}
/** ReplayDeliveryQuery is what can be asked of POST /v1/deliveries/{id}/replay. */
export interface ReplayDeliveryQuery {
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** GetEventsQuery is what can be asked of GET /v1/events. */
export interface GetEventsQuery {
    /** The place after which to begin. */
    after?: number;
    /** Ids of at most 50 jobs with commas between. */
    job?: string;
    /** The size of a page. 100 if it is absent. */
    limit?: number;
    /** Names of pipelines with commas between. */
    pipeline?: string;
    /** types of events with commas between, each whole or as a group: job.completed, step.*, *. */
    types?: string;
}
/** ListJobsQuery is what can be asked of GET /v1/jobs. */
export interface ListJobsQuery {
    /** Jobs that have a fault of one class now. */
    class?: FaultClass;
    /** The next_cursor of the page before. */
    cursor?: string;
    /** Jobs that have a fault of one code now. */
    fault?: string;
    /** Labels that a job must have, each as label.NAME=VALUE. */
    label?: {
        [name: string]: string;
    };
    /** The size of a page. */
    limit?: number;
    /** The jobs of one pipeline. */
    pipeline?: string;
    /**
     * Words of the id, key, labels, names of files or faults; one with * at its end is a beginning.
     */
    search?: string;
    /** Jobs that were accepted then or later. */
    since?: string;
    /** The order. The newest first if it is absent. */
    sort?: 'newest' | 'oldest' | 'updated' | 'finished' | 'duration';
    /** States to show; several with commas between, or given several times. */
    state?: string[];
    /** Jobs that were accepted before. */
    until?: string;
}
/** SubmitJobQuery is what can be asked of POST /v1/jobs. */
export interface SubmitJobQuery {
    /** The idempotency key of it. */
    key?: string;
    /** The labels of it, each as label.NAME=VALUE. */
    label?: {
        [name: string]: string;
    };
    /** What the file is said to be. */
    media_type?: string;
    /** The base name of the file. */
    name?: string;
    /** The parameters of it one by one, each as param.NAME=VALUE. */
    param?: {
        [name: string]: string;
    };
    /** The parameters of it, as a JSON object. */
    params?: string;
    /** The pipeline of a job of the body alone. */
    pipeline?: string;
}
/** SubmitJobBody is the body of POST /v1/jobs. */
export interface SubmitJobBody {
    /**
     * files are what the job works on, at least one, at most 1000. A rerun has none: it works on
     * those of its job.
     */
    files?: Source[];
    /**
     * key is the idempotency key, 1 to 255 bytes. Empty means the Nats-Msg-Id header, and without
     * one every submission is a new job.
     */
    key?: string;
    /**
     * labels are for finding the job again, at most 64. They are not part of the content that the
     * idempotency key stands for.
     */
    labels?: {
        [name: string]: string;
    };
    /**
     * params are the pipeline's parameters, an object of at most 64 KiB. In a rerun they take the
     * place of those of its job that have the same name.
     */
    params?: unknown;
    /** pipeline is the name of the pipeline to run. */
    pipeline: string;
}
/** AbandonJobBody is the body of POST /v1/jobs/{id}/abandon. */
export interface AbandonJobBody {
    /** reason is kept in the job's record; at most 1 KiB. Accept and rollback need one. */
    reason?: string;
}
/** AcceptUndoBody is the body of POST /v1/jobs/{id}/accept. */
export interface AcceptUndoBody {
    /** reason is kept in the job's record; at most 1 KiB. Accept and rollback need one. */
    reason?: string;
    /**
     * step is the step that is meant: always with skip, and with retry and accept unless all are.
     */
    step?: string;
}
/** CancelJobBody is the body of POST /v1/jobs/{id}/cancel. */
export interface CancelJobBody {
    /** reason is kept in the job's record; at most 1 KiB. Accept and rollback need one. */
    reason?: string;
}
/** PauseJobBody is the body of POST /v1/jobs/{id}/pause. */
export interface PauseJobBody {
    /** reason is kept in the job's record; at most 1 KiB. Accept and rollback need one. */
    reason?: string;
}
/** ResumeJobBody is the body of POST /v1/jobs/{id}/resume. */
export interface ResumeJobBody {
    /** reason is kept in the job's record; at most 1 KiB. Accept and rollback need one. */
    reason?: string;
}
/** RetryJobBody is the body of POST /v1/jobs/{id}/retry. */
export interface RetryJobBody {
    /** effect says, to retry, whether an effect was done that nobody could tell of. */
    effect?: Settlement;
    /** reason is kept in the job's record; at most 1 KiB. Accept and rollback need one. */
    reason?: string;
    /**
     * step is the step that is meant: always with skip, and with retry and accept unless all are.
     */
    step?: string;
}
/** RollbackJobBody is the body of POST /v1/jobs/{id}/rollback. */
export interface RollbackJobBody {
    /** irreversible accepts that a rollback leaves what cannot be taken back. */
    irreversible?: boolean;
    /** plan is the digest of the plan that a rollback carries out. */
    plan?: string;
    /** reason is kept in the job's record; at most 1 KiB. Accept and rollback need one. */
    reason?: string;
}
/** SkipStepBody is the body of POST /v1/jobs/{id}/skip. */
export interface SkipStepBody {
    /** force skips a step that is critical, too. */
    force?: boolean;
    /** reason is kept in the job's record; at most 1 KiB. Accept and rollback need one. */
    reason?: string;
    /**
     * step is the step that is meant: always with skip, and with retry and accept unless all are.
     */
    step?: string;
}
/** CreateKeyQuery is what can be asked of POST /v1/keys. */
export interface CreateKeyQuery {
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** RevokeKeyQuery is what can be asked of DELETE /v1/keys/{id}. */
export interface RevokeKeyQuery {
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** ListOperationItemsQuery is what can be asked of GET /v1/operations/{id}/items. */
export interface ListOperationItemsQuery {
    /** The next_cursor of the page before. */
    cursor?: string;
    /** The size of a page. */
    limit?: number;
    /** What became of them. */
    state?: 'pending' | 'sent' | 'done' | 'refused' | 'failed';
}
/** ResumeOperationBody is the body of POST /v1/operations/{id}/resume. */
export interface ResumeOperationBody {
    /** reason is kept in the job's record; at most 1 KiB. Accept and rollback need one. */
    reason?: string;
}
/** StopOperationBody is the body of POST /v1/operations/{id}/stop. */
export interface StopOperationBody {
    /** reason is kept in the job's record; at most 1 KiB. Accept and rollback need one. */
    reason?: string;
}
/** GetPipelineQuery is what can be asked of GET /v1/pipelines/{name}. */
export interface GetPipelineQuery {
    /** One version of it. The current one if it is absent. */
    digest?: string;
}
/** ApplyPipelineQuery is what can be asked of PUT /v1/pipelines/{name}. */
export interface ApplyPipelineQuery {
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** CheckPipelineQuery is what can be asked of POST /v1/pipelines:check. */
export interface CheckPipelineQuery {
    /** What complaints call the file. */
    file?: string;
}
/** RemoveRuleQuery is what can be asked of DELETE /v1/rules/{name}. */
export interface RemoveRuleQuery {
    /** Who removes it, where identity does not say. */
    by?: string;
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** CountJobsQuery is what can be asked of GET /v1/stats. */
export interface CountJobsQuery {
    /** Those of one pipeline. */
    pipeline?: string;
}
/** GetFailuresQuery is what can be asked of GET /v1/stats/failures. */
export interface GetFailuresQuery {
    /** The parts of the time. Hours if it is absent; days begin at midnight UTC. */
    by?: 'hour' | 'day';
    /** Those of one pipeline. */
    pipeline?: string;
    /** The hour that is the first. A day before until if it is absent, or 30 days by day. */
    since?: string;
    /** The hour that is the last. Now if it is absent. */
    until?: string;
}
/** GetRecoveriesQuery is what can be asked of GET /v1/stats/recovery. */
export interface GetRecoveriesQuery {
    /** The parts of the time. Hours if it is absent; days begin at midnight UTC. */
    by?: 'hour' | 'day';
    /** Those of one pipeline. */
    pipeline?: string;
    /** The hour that is the first. A day before until if it is absent, or 30 days by day. */
    since?: string;
    /** The hour that is the last. Now if it is absent. */
    until?: string;
}
/** GetThroughputQuery is what can be asked of GET /v1/stats/throughput. */
export interface GetThroughputQuery {
    /** The parts of the time. Hours if it is absent; days begin at midnight UTC. */
    by?: 'hour' | 'day';
    /** Those of one pipeline. */
    pipeline?: string;
    /** The hour that is the first. A day before until if it is absent, or 30 days by day. */
    since?: string;
    /** The hour that is the last. Now if it is absent. */
    until?: string;
}
/** RebuildViewQuery is what can be asked of POST /v1/view/rebuild. */
export interface RebuildViewQuery {
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** CreateWebhookQuery is what can be asked of POST /v1/webhooks. */
export interface CreateWebhookQuery {
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** DeleteWebhookQuery is what can be asked of DELETE /v1/webhooks/{id}. */
export interface DeleteWebhookQuery {
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** ReplayWebhookQuery is what can be asked of POST /v1/webhooks/{id}/replay. */
export interface ReplayWebhookQuery {
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** RotateWebhookSecretQuery is what can be asked of POST /v1/webhooks/{id}/rotate. */
export interface RotateWebhookSecretQuery {
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** TestWebhookQuery is what can be asked of POST /v1/webhooks/{id}/test. */
export interface TestWebhookQuery {
    /** Why, for people and for the audit; at most 1 KiB. */
    reason?: string;
}
/** JobState is where a job stands. */
export type JobState = 'accepted' | 'running' | 'waiting' | 'attention' | 'paused' | 'cancelling' | 'compensating' | 'completed' | 'partial' | 'failed' | 'cancelled' | 'rolled_back';
/** Verb is what a command asks of a job. */
export type Verb = 'cancel' | 'retry' | 'abandon' | 'pause' | 'resume' | 'skip' | 'accept' | 'rollback' | 'rerun';
/** CheckpointKind is what a record of a checkpoint chain is for. */
export type CheckpointKind = 'claim' | 'save' | 'closed';
/** BreakerState is where a circuit stands. */
export type BreakerState = 'closed' | 'half_open' | 'open';
/** Settlement is a person's word on an effect that nobody could tell of. */
export type Settlement = 'done' | 'not_done';
/** StepState is where a step of a job stands. */
export type StepState = 'pending' | 'queued' | 'retrying' | 'attention' | 'succeeded' | 'failed' | 'skipped' | 'cancelled';
/** UndoState is where the compensation of a step stands. */
export type UndoState = 'queued' | 'retrying' | 'attention' | 'done';
/** DecisionChoice is one thing that can come of a decision. */
export type DecisionChoice = 'retry' | 'effect_done' | 'effect_not_done' | 'skip' | 'force_skip' | 'accept' | 'abandon' | 'cancel' | 'remind' | 'moot';
/** RuleAction is what somebody did to a rule. */
export type RuleAction = 'set' | 'remove';
/** Verdict is how an attempt ended. */
export type Verdict = 'succeeded' | 'failed' | 'resumed';
/**
 * Limit is a limit on time that the job keeps itself, because there may be no worker to keep it.
 */
export type Limit = 'total' | 'deadline' | 'decision';
/** ReuseReason is why a rerun reused the result of a step, or did not. */
export type ReuseReason = 'unchanged' | 'not_wanted' | 'from_step' | 'new_step' | 'not_done' | 'undone' | 'stage_changed' | 'config_changed' | 'inputs_changed' | 'files_gone' | 'origin_gone';
/** The response that a fault allows. */
export type FaultClass = 'unclassified' | 'transient' | 'rate_limited' | 'dependency_down' | 'timeout' | 'resource' | 'data_quality' | 'schema_mismatch' | 'policy' | 'auth' | 'poison' | 'conflict' | 'unknown_effect' | 'cancelled' | 'bug';
/** DueKind is what is due: work, undo or a timer. */
export type DueKind = 'work' | 'undo' | 'timer';
