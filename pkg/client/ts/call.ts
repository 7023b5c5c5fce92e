import { address, identity, usual, type CallOptions, type Config, type Retry } from './config.js'
import { Backoff, Leash, sleep } from './patience.js'
import { MillraceError, ownError, refusal } from './problem.js'
import { queryString, type Query } from './query.js'

/** Call is one request, as often as it must be made. */
export interface Call {
	method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
	/** path begins with a slash; its parts are escaped. */
	path: string
	query?: Query
	headers?: { [name: string]: string }
	/** json is sent as JSON; body as it is. */
	json?: unknown
	body?: string | Blob
	/** once says that the request must not be repeated after it may have arrived. */
	once?: boolean
	/** extra is how many milliseconds the answer may take beyond the usual. */
	extra?: number
}

/** Answer is the beginning of an answer. Who gets one reads its body and ends the leash. */
export interface Answer {
	response: Response
	leash: Leash
}

/** Connection makes the requests of a client. */
export class Connection {
	/** server is the address of the gateway without credentials. */
	readonly server: string
	readonly retry: Retry
	private readonly headers: { [name: string]: string }
	private readonly fetch: typeof fetch

	/** Errors: client.unreachable, http.bad_request and auth.invalid for a config that cannot be. */
	constructor(c: Config) {
		this.server = address(c.server)
		this.headers = identity(c)
		this.retry = { ...usual, ...c.retry }
		this.fetch = c.fetch ?? ((...args) => fetch(...args))
	}

	/** json makes the request and returns the JSON of its answer. */
	json<T>(k: Call, o: CallOptions = {}): Promise<T> { return this.ask(k, o, decode<T>) }

	/** ask makes the request until there is an answer that is no refusal, and reads it. */
	async ask<T>(k: Call, o: CallOptions, read: (r: Response) => Promise<T>): Promise<T> {
		const pause = new Backoff(this.retry)
		for (let tries = 1; ; tries++) {
			try {
				return await this.once(k, o.signal, read)
			} catch (err) {
				if (tries >= (o.tries ?? this.retry.tries) || !again(k, err)) throw err
				await sleep(pause.next((err as MillraceError).retryAfter), o.signal)
			}
		}
	}

	/** once makes the request a single time and reads the answer. */
	async once<T>(k: Call, signal: AbortSignal | undefined, read: (r: Response) => Promise<T>): Promise<T> {
		const { response, leash } = await this.attempt(k, signal)
		try {
			return await read(response)
		} catch (err) {
			throw broken(err, signal, k)
		} finally {
			leash.end()
		}
	}

	/** attempt makes the request a single time, up to the beginning of the answer. */
	async attempt(k: Call, signal?: AbortSignal): Promise<Answer> {
		const leash = new Leash(signal)
		leash.allow(this.retry.answer + (k.extra ?? 0), () => ownError('client.interrupted', 'no answer came to ' + k.method + ' ' + k.path))
		try {
			const response = await this.send(k, leash.taut)
			if (response.ok || response.status === 304) return { response, leash }
			throw await refusal(response)
		} catch (err) {
			leash.end()
			throw broken(err, signal, k)
		}
	}

	private async send(k: Call, signal: AbortSignal): Promise<Response> {
		const headers: { [name: string]: string } = { ...this.headers, ...k.headers }
		// A browser that keeps nothing asks for no-cache otherwise, and the mill reads its log for that.
		if (k.method === 'GET') headers['Cache-Control'] ??= 'max-age=0'
		if (k.json !== undefined) headers['Content-Type'] = 'application/json'
		const body = k.json === undefined ? k.body : JSON.stringify(k.json)
		const init: RequestInit = {
			method: k.method, headers, signal,
			// A page's cookies and cache have nothing to do with it, and a key follows no redirect.
			credentials: 'omit', cache: 'no-store', redirect: 'manual',
		}
		if (body !== undefined) init.body = body
		try {
			return await this.fetch(this.server + k.path + queryString(k.query), init)
		} catch (err) {
			if (signal.aborted) throw signal.reason
			throw ownError('client.unreachable', k.method + ' ' + this.server + k.path, err)
		}
	}
}

/** broken is the error of a request whose answer did not come whole. */
function broken(err: unknown, signal: AbortSignal | undefined, k: Call): unknown {
	if (signal?.aborted) return signal.reason
	if (err instanceof MillraceError) return err
	return ownError('client.interrupted', k.method + ' ' + k.path, err)
}

/** decode reads JSON. */
export async function decode<T>(r: Response): Promise<T> {
	const said = await r.text()
	try {
		return JSON.parse(said) as T
	} catch (cause) {
		throw ownError('client.bad_answer', 'decode ' + said.length + ' characters', cause)
	}
}

/** idle are the faults after which nothing was done, and unsure those after which it may have been. */
const idle = ['http.not_ready', 'http.too_busy']
const unsure = ['client.unreachable', 'client.interrupted', 'bus.timeout', 'bus.unreachable', 'submit.refused', 'fetch.changed']

/** again reports whether a failed request should be made once more. */
function again(k: Call, err: unknown): boolean {
	if (!(err instanceof MillraceError)) return false
	return idle.includes(err.code) || !k.once && unsure.includes(err.code)
}
