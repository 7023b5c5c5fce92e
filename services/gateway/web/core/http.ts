import type { Choice, ProblemShape } from './shapes'
import { session } from './session'
import { redraw } from './dom'

/** A Problem is what the gateway says when something does not go, or that it is silent. */
export class Problem extends Error {
	constructor(readonly shape: ProblemShape) { super(shape.detail || shape.title) }
	get status(): number { return this.shape.status }
	get code(): string { return this.shape.code }
	get allowed(): Choice[] { return this.shape.allowed ?? [] }
}

export interface Answer<T> { data: T; status: number; etag: string; headers: Headers }

export interface Ask {
	body?: unknown
	headers?: Record<string, string>
	signal?: AbortSignal
}

/** call makes a request and returns the answer. It throws a Problem, or an AbortError. */
export async function call<T>(method: string, path: string, ask: Ask = {}): Promise<Answer<T>> {
	const headers: Record<string, string> = { Accept: 'application/json', ...session.headers(), ...ask.headers }
	let body: string | undefined
	if (ask.body !== undefined) {
		body = JSON.stringify(ask.body)
		headers['Content-Type'] = 'application/json'
	}
	const res = await send(path, { method, headers, body, signal: ask.signal })
	const empty = res.status === 204 || res.status === 304 || method === 'HEAD'
	return {
		data: empty ? (undefined as T) : await res.json() as T,
		status: res.status, etag: res.headers.get('ETag') ?? '', headers: res.headers,
	}
}

/** get reads a document. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
	return (await call<T>('GET', path, { signal })).data
}

/** maybe reads a document that this gateway may not have: then it is undefined. */
export async function maybe<T>(path: string, signal?: AbortSignal): Promise<T | undefined> {
	try {
		return await get<T>(path, signal)
	} catch (err) {
		if (err instanceof Problem && [403, 404, 503].includes(err.status)) return undefined
		throw err
	}
}

/** send is fetch that throws a Problem for every answer that is one. */
export async function send(path: string, init: RequestInit): Promise<Response> {
	const asked = session.token
	let res: Response
	try {
		res = await fetch(path, { cache: 'no-store', credentials: 'omit', redirect: 'error', ...init })
	} catch (err) {
		if (init.signal?.aborted) throw err
		throw new Problem({ status: 0, code: 'page.offline', title: 'The gateway does not answer', class: 'dependency_down', retryable: true })
	}
	if (res.ok || res.status === 304) return res
	throw await refusal(res, asked)
}

async function refusal(res: Response, asked: string): Promise<Problem> {
	let shape: ProblemShape = { status: res.status, code: 'http.' + res.status, title: 'The gateway answered ' + res.status, class: '', retryable: res.status >= 500 }
	try {
		shape = { ...shape, ...await res.json() as ProblemShape }
	} catch { /* the status has to do */ }
	// One that was sent before somebody came in says nothing of them.
	if (res.status === 401 && session.token === asked) {
		session.refused = true
		redraw()
	}
	return new Problem(shape)
}

/** problemOf makes a Problem of whatever was thrown. Nothing, when a page has gone. */
export function problemOf(err: unknown): Problem | undefined {
	if (err instanceof Problem) return err
	if (err instanceof DOMException && err.name === 'AbortError') return undefined
	return new Problem({ status: 0, code: 'page.bug', title: 'This page made a mistake', detail: String(err), class: 'bug', retryable: false })
}

/** query is a query string with what is not empty. */
export function query(values: Record<string, string | string[] | undefined>): string {
	const q = new URLSearchParams()
	for (const [name, value] of Object.entries(values)) {
		for (const v of Array.isArray(value) ? value : [value ?? '']) if (v) q.append(name, v)
	}
	const s = q.toString()
	return s ? '?' + s : ''
}
