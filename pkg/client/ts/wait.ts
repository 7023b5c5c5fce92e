import type * as api from './api_gen.js'
import { decode, type Connection } from './call.js'
import type { CallOptions } from './config.js'
import { Outage } from './patience.js'
import { etag, pathOf } from './query.js'

/** pollSeconds is how long one request waits at the server. */
const pollSeconds = 30

/** wait is {@link Millrace.wait}. */
export async function wait(c: Connection, id: string, until: (job: api.Job) => boolean, o: CallOptions): Promise<api.Job> {
	const outage = new Outage(c.retry, o.patience ?? c.retry.patience, o.signal)
	for (let known = 0; ;) {
		try {
			const job = await poll(c, id, known, o)
			outage.end()
			if (!job) continue
			if (until(job)) return job
			known = job.revision
		} catch (err) {
			await outage.bear(err)
		}
	}
}

/** poll is a job that is newer than a known revision, or nothing when there was none for a while. */
function poll(c: Connection, id: string, known: number, o: CallOptions): Promise<api.Job | undefined> {
	const headers: { [name: string]: string } = {}
	if (known) {
		headers['If-None-Match'] = etag(known)
		headers['Prefer'] = 'wait=' + pollSeconds
	}
	return c.ask({ method: 'GET', path: pathOf('jobs', id), headers }, o,
		async (r) => r.status === 304 ? undefined : decode<api.Job>(r))
}
