import { send, problemOf, type Problem } from './http'
import { session } from './session'

/** A server-sent event. */
export interface Sent { id: string; event: string; data: string }

export interface Follower {
	/** event takes an event; true ends the stream for good. */
	event(e: Sent): boolean | void
	/** live says whether the stream is connected. */
	live?(yes: boolean): void
	/** gone is told of a refusal after which there is no use in trying again. */
	gone?(p: Problem): void
}

const pauses = [250, 500, 1000, 2000, 4000]

/**
 * follow reads server-sent events through fetch, because an EventSource cannot say who
 * it is for. It connects again by itself and goes on after the last event. The
 * function that it returns ends it.
 */
export function follow(path: string, f: Follower): () => void {
	const stop = new AbortController()
	void run(path, f, stop.signal)
	return () => stop.abort()
}

async function run(path: string, f: Follower, signal: AbortSignal): Promise<void> {
	let last = ''
	for (let tries = 0; !signal.aborted; tries++) {
		try {
			const headers: Record<string, string> = { Accept: 'text/event-stream', ...session.headers() }
			if (last) headers['Last-Event-ID'] = last
			const res = await send(path, { headers, signal })
			f.live?.(true)
			for await (const e of parse(res.body!)) {
				tries = 0
				if (e.id) last = e.id
				if (f.event(e)) return
			}
		} catch (err) {
			if (signal.aborted) return
			const p = problemOf(err)
			if (p && p.status >= 400 && p.status < 500 && p.status !== 429) return f.gone?.(p)
		}
		f.live?.(false)
		await sleep(pauses[Math.min(tries, pauses.length - 1)]!, signal)
	}
}

/** parse reads events off a stream of bytes. */
async function* parse(body: ReadableStream<Uint8Array>): AsyncGenerator<Sent> {
	const reader = body.getReader()
	const text = new TextDecoder()
	let rest = ''
	try {
		for (;;) {
			const { value, done } = await reader.read()
			if (done) return
			const blocks = (rest + text.decode(value, { stream: true })).split('\n\n')
			rest = blocks.pop()!
			for (const b of blocks) {
				const e = sent(b)
				if (e) yield e
			}
		}
	} finally {
		reader.cancel().catch(() => {})
	}
}

function sent(block: string): Sent | undefined {
	const e: Sent = { id: '', event: 'message', data: '' }
	const data: string[] = []
	for (const line of block.split('\n')) {
		const colon = line.indexOf(':')
		const name = colon < 0 ? line : line.slice(0, colon)
		const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
		if (name === 'id') e.id = value
		else if (name === 'event') e.event = value
		else if (name === 'data') data.push(value)
	}
	e.data = data.join('\n')
	return data.length ? e : undefined
}

/** sleep waits, or ends early when the signal is given. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const timer = setTimeout(done, ms)
		function done() {
			clearTimeout(timer)
			signal.removeEventListener('abort', done)
			resolve()
		}
		signal.addEventListener('abort', done)
	})
}
