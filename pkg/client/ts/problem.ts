import type * as api from './api_gen.js'
import { ownFaults, type OwnCode } from './faults_gen.js'

/** Code is one that the client knows, or that of a server which is newer than it. */
export type Code = api.FaultCode | (string & {})

/** passing are the classes of faults that go away while somebody waits. */
const passing: readonly string[] = ['transient', 'rate_limited', 'dependency_down', 'timeout']

/**
 * MillraceError is what every call of the client throws, except the reason of a signal that
 * was given to it. Decide by {@link code}, or by {@link retryable}; the texts are for people.
 */
export class MillraceError extends Error {
	override readonly name = 'MillraceError'
	/** code names the fault; it is stable. FAULTS.md beside the schemas lists all of them. */
	readonly code: Code
	/** class says what may be done next. */
	readonly class: api.FaultClass | (string & {})
	/** retryable is true when the same call may succeed later. */
	readonly retryable: boolean
	/** hint says what to do about it. */
	readonly hint: string
	/** status is the status of HTTP that fits the code. */
	readonly status: number
	/** errors are the single complaints, each with a pointer, a code and a hint. */
	readonly errors: readonly api.ProblemError[]
	/** allowed are the commands that the job takes as it is now. Only of one that was refused. */
	readonly allowed: readonly api.Choice[]
	/** job is the job that an idempotency key was first used for, or ''. */
	readonly job: string
	/** answered is the status of HTTP that there was, or 0 when there was no answer. */
	readonly answered: number
	/** retryAfter is how many milliseconds the server asks to wait, or 0. */
	readonly retryAfter: number

	/** A problem as the server says it, the milliseconds that it asks to wait, and what came. */
	constructor(problem: api.Problem, retryAfter = 0, cause?: unknown, answered = 0) {
		const { title, detail = '' } = problem
		super(!detail || detail.startsWith(title) ? detail || title : title + ': ' + detail, { cause })
		this.code = problem.code
		this.class = problem.class
		this.retryable = problem.retryable
		this.hint = problem.hint ?? ''
		this.status = problem.status
		this.errors = problem.errors ?? []
		this.allowed = problem.allowed ?? []
		this.job = problem.job ?? ''
		this.retryAfter = retryAfter
		this.answered = answered
	}

	/** pointers are the places in the request that {@link errors} complain of. */
	get pointers(): string[] { return this.errors.map((e) => e.pointer) }

	/** passes reports whether the fault can go away while somebody waits. */
	get passes(): boolean { return passing.includes(this.class) }
}

/** ownError is a fault that the client finds itself. */
export function ownError(code: OwnCode, detail: string, cause?: unknown, retryAfter = 0, answered = 0): MillraceError {
	const info = ownFaults[code]
	const retryable = passing.includes(info.class)
	return new MillraceError({ ...info, type: 'about:blank', code, detail, retryable }, retryAfter, cause, answered)
}

/** refusal makes an error of an answer that refuses. */
export async function refusal(r: Response): Promise<MillraceError> {
	const said = await r.text().catch(() => '')
	const type = r.headers.get('Content-Type') ?? ''
	if (type.startsWith('application/problem+json')) {
		const p = parsed(said)
		if (p?.code) return new MillraceError(p, retryAfter(r), undefined, r.status)
	}
	return stranger(r)
}

/**
 * stranger is the error of an answer that no gateway gave: of a proxy in between that finds
 * no server behind it, or of another program altogether.
 */
export function stranger(r: Response): MillraceError {
	if ([502, 503, 504].includes(r.status)) {
		return ownError('client.unreachable', 'something in between answers ' + r.status, undefined, retryAfter(r), r.status)
	}
	return ownError('client.bad_answer', 'it answers ' + (r.status || 'with a redirect') + ' without a problem', undefined, 0, r.status)
}

function parsed(text: string): api.Problem | undefined {
	try {
		return JSON.parse(text) as api.Problem
	} catch {
		return undefined
	}
}

/** retryAfter reads how long the server asks to wait, at most a minute, in milliseconds. */
function retryAfter(r: Response): number {
	const seconds = Number(r.headers.get('Retry-After') ?? 0)
	return seconds > 0 ? Math.min(seconds * 1000, 60_000) : 0
}
