import type * as api from './api_gen.js'
import type { Connection } from './call.js'
import type { CallOptions } from './config.js'
import { follow, parsed, streamCall } from './follow.js'
import { pathOf } from './query.js'

/** JobEvent is something that happened to a job, the progress of a step, or that the job has ended. */
export type JobEvent =
	| { kind: 'record'; /** Its place in the log; watching can go on after it. */ id: number; type: string; record: api.Record }
	| { kind: 'progress'; progress: api.Progress }
	| { kind: 'end'; state: api.JobState; revision: number }

/** WatchOptions say from where to watch. */
export interface WatchOptions extends CallOptions {
	/** after is the id of the record after which to begin. All records come if it is absent. */
	after?: number
}

/** watch is {@link Millrace.watch}. */
export async function* watch(c: Connection, id: string, o: WatchOptions): AsyncGenerator<JobEvent, void> {
	let last = o.after ?? 0
	for await (const m of follow(c, () => streamCall(pathOf('jobs', id, 'events'), last || undefined), o)) {
		if (m.event === 'progress') {
			yield { kind: 'progress', progress: parsed<api.Progress>(m) }
		} else if (m.event === 'end') {
			yield { kind: 'end', ...parsed<{ state: api.JobState; revision: number }>(m) }
			return
		} else if (Number(m.id) > last) { // else it has come before, or is of a kind that is newer than this
			last = Number(m.id)
			yield { kind: 'record', id: last, type: m.event, record: parsed<api.Record>(m) }
		}
	}
}
