import type * as api from './api_gen.js';
import type { Connection } from './call.js';
import type { CallOptions } from './config.js';
/** OrderOptions are what an order may have of its own. */
export interface OrderOptions extends CallOptions {
    /**
     * revision is the one that the job was looked at in: when it has moved since, nothing is
     * done, and the error is job.stale_revision. Any if absent.
     */
    revision?: number;
}
/** Order is what an order says. Which members a verb takes is in the description of its route. */
export interface Order extends api.CancelJobBody, api.RetryJobBody, api.SkipStepBody, api.AcceptUndoBody, api.RollbackJobBody {
}
/** OrderVerb is what a job can be asked for. */
export type OrderVerb = Exclude<api.Verb, 'rerun'>;
/** order is {@link Millrace.order}. */
export declare function order(c: Connection, id: string, verb: OrderVerb, what: Order, o: OrderOptions): Promise<api.Job>;
