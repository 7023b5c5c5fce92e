import type { Call, Connection } from './call.js'
import type { CallOptions } from './config.js'
import { Outage } from './patience.js'
import { MillraceError, ownError } from './problem.js'
import { messages, type Message } from './sse.js'

/**
 * follow reads a stream of events over as many connections as it takes. ask says what to ask
 * for each time, so that it goes on after what has come. It ends when the caller has enough,
 * or with an error.
 */
export async function* follow(c: Connection, ask: () => Call, o: CallOptions): AsyncGenerator<Message, never> {
	const outage = new Outage(c.retry, o.patience ?? c.retry.patience, o.signal)
	for (;;) {
		try {
			for await (const m of listen(c, ask(), o.signal)) {
				outage.end()
				yield m
			}
		} catch (err) {
			await outage.bear(err)
		}
	}
}

/** listen reads one connection to its end, which is an error. */
async function* listen(c: Connection, k: Call, signal?: AbortSignal): AsyncGenerator<Message, never> {
	const { response, leash } = await c.attempt(k, signal)
	const alive = () => leash.allow(c.retry.silence, () => ownError('client.interrupted', 'the stream went silent'))
	try {
		alive()
		if (!response.body) throw ownError('client.bad_answer', 'the stream has no body')
		return yield* messages(response.body, alive)
	} catch (err) {
		if (signal?.aborted) throw signal.reason
		throw err instanceof MillraceError ? err : ownError('client.interrupted', 'read the stream', err)
	} finally {
		leash.end()
	}
}

/** streamCall asks for a stream of events, after a place unless that is the beginning. */
export function streamCall(path: string, after: number | undefined, query?: object): Call {
	const headers: { [name: string]: string } = { Accept: 'text/event-stream' }
	if (after !== undefined) headers['Last-Event-ID'] = String(after)
	return { method: 'GET', path, headers, query }
}

/** parsed is the JSON of an event. */
export function parsed<T>(m: Message): T {
	try {
		return JSON.parse(m.data) as T
	} catch (cause) {
		throw ownError('client.bad_answer', 'decode an event', cause)
	}
}
