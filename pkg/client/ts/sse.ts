import { ownError } from './problem.js'

/** maxEvent bounds one server-sent event, in characters; a record is at most 1 MiB. */
const maxEvent = 4 << 20

/** Message is one server-sent event. */
export interface Message {
	id: string
	event: string
	data: string
}

/**
 * messages reads server-sent events off a body, and tells whenever something came, also a
 * heartbeat. Errors: client.interrupted at the end of the stream, client.bad_answer for an
 * event that is too large.
 */
export async function* messages(body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<Message, never> {
	const reader = body.getReader()
	const text = new TextDecoder()
	const parser = new Parser()
	try {
		for (;;) {
			const { value, done } = await reader.read()
			if (done) throw ownError('client.interrupted', 'the stream has ended')
			alive()
			yield* parser.take(text.decode(value, { stream: true }))
		}
	} finally {
		reader.cancel().catch(() => {}) // of a connection that is gone
	}
}

/** Parser puts events together. */
class Parser {
	private rest = ''
	private size = 0
	private id = ''
	private event = ''
	private data: string[] = []

	/** take returns the events that have come to their end with more text. */
	take(text: string): Message[] {
		const found: Message[] = []
		const lines = (this.rest + text).split('\n')
		this.rest = lines.pop()!
		for (const line of lines) {
			const m = this.line(line.endsWith('\r') ? line.slice(0, -1) : line)
			if (m) found.push(m)
		}
		if (this.size + this.rest.length > maxEvent) throw ownError('client.bad_answer', 'an event is too large')
		return found
	}

	/** line takes 'field: value', a comment that begins with a colon, or the empty line after an event. */
	private line(line: string): Message | undefined {
		this.size += line.length
		if (!line) return this.end()
		const colon = line.indexOf(':')
		const field = colon < 0 ? line : line.slice(0, colon)
		const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
		if (field === 'id') this.id = value
		else if (field === 'event') this.event = value
		else if (field === 'data') this.data.push(value)
		return undefined
	}

	private end(): Message | undefined {
		const m = this.data.length ? { id: this.id, event: this.event, data: this.data.join('\n') } : undefined
		this.size = 0
		this.id = this.event = ''
		this.data = []
		return m
	}
}
