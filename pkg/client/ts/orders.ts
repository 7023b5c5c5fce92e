import type * as api from './api_gen.js'
import type { Connection } from './call.js'
import type { CallOptions } from './config.js'
import { etag, pathOf } from './query.js'

/** OrderOptions are what an order may have of its own. */
export interface OrderOptions extends CallOptions {
	/**
	 * revision is the one that the job was looked at in: when it has moved since, nothing is
	 * done, and the error is job.stale_revision. Any if absent.
	 */
	revision?: number
}

/** Order is what an order says. Which members a verb takes is in the description of its route. */
export interface Order extends
	api.CancelJobBody, api.RetryJobBody, api.SkipStepBody, api.AcceptUndoBody, api.RollbackJobBody {}

/** OrderVerb is what a job can be asked for. */
export type OrderVerb = Exclude<api.Verb, 'rerun'>

/** harmless are the orders that may be given twice, unless the first has moved the job away. */
const harmless: readonly OrderVerb[] = ['cancel', 'pause']

/** order is {@link Millrace.order}. */
export function order(c: Connection, id: string, verb: OrderVerb, what: Order, o: OrderOptions): Promise<api.Job> {
	const headers: { [name: string]: string } = {}
	if (o.revision) headers['If-Match'] = etag(o.revision)
	return c.json<api.Job>({
		method: 'POST', path: pathOf('jobs', id, verb), json: what, headers,
		once: o.revision !== undefined || !harmless.includes(verb),
	}, o)
}
