import type * as api from './api_gen.js';
import type { Connection } from './call.js';
import type { CallOptions } from './config.js';
/** JobEvent is something that happened to a job, the progress of a step, or that the job has ended. */
export type JobEvent = {
    kind: 'record'; /** Its place in the log; watching can go on after it. */
    id: number;
    type: string;
    record: api.Record;
} | {
    kind: 'progress';
    progress: api.Progress;
} | {
    kind: 'end';
    state: api.JobState;
    revision: number;
};
/** WatchOptions say from where to watch. */
export interface WatchOptions extends CallOptions {
    /** after is the id of the record after which to begin. All records come if it is absent. */
    after?: number;
}
/** watch is {@link Millrace.watch}. */
export declare function watch(c: Connection, id: string, o: WatchOptions): AsyncGenerator<JobEvent, void>;
