import type { Retry } from './config.js'
import { MillraceError } from './problem.js'

/** sleep waits for milliseconds. It throws the signal's reason when that is given first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		if (signal?.aborted) return reject(signal.reason)
		const stop = () => {
			clearTimeout(timer)
			reject(signal!.reason)
		}
		const timer = setTimeout(() => {
			signal?.removeEventListener('abort', stop)
			resolve()
		}, ms)
		signal?.addEventListener('abort', stop, { once: true })
	})
}

/** Backoff makes the pauses between tries longer and longer, and never the same for two clients. */
export class Backoff {
	private bound = 0

	constructor(private readonly retry: Retry) {}

	/** next is the next pause: a random part of a bound that doubles, and at least what is asked. */
	next(atLeast = 0): number {
		this.bound = Math.max(this.retry.firstPause, Math.min(2 * this.bound, this.retry.longPause))
		return Math.max(Math.random() * this.bound, atLeast)
	}

	/** reset goes back to the beginning, after a success. */
	reset(): void { this.bound = 0 }
}

/** Outage measures how long the server has not answered. */
export class Outage {
	private since = 0
	private readonly pause: Backoff

	constructor(retry: Retry, private readonly patience: number, private readonly signal?: AbortSignal) {
		this.pause = new Backoff(retry)
	}

	/** bear waits a little when the call should be made again, and throws the error otherwise. */
	async bear(err: unknown): Promise<void> {
		if (!(err instanceof MillraceError) || !err.passes) throw err
		this.since ||= Date.now()
		if (Date.now() - this.since > this.patience) throw err
		await sleep(this.pause.next(err.retryAfter), this.signal)
	}

	/** end is told whenever the server has answered. */
	end(): void {
		this.since = 0
		this.pause.reset()
	}
}

/**
 * Leash is a signal that is given when the caller's is, or when nothing was heard for too
 * long. Who makes one ends it.
 */
export class Leash {
	private readonly controller = new AbortController()
	private timer: ReturnType<typeof setTimeout> | undefined
	private readonly follow = () => this.controller.abort(this.signal!.reason)

	constructor(private readonly signal?: AbortSignal) {
		if (signal?.aborted) this.follow()
		signal?.addEventListener('abort', this.follow, { once: true })
	}

	/** taut is the signal. */
	get taut(): AbortSignal { return this.controller.signal }

	/** allow gives it so many milliseconds from now, after which the error is its reason. */
	allow(ms: number, late: () => MillraceError): void {
		this.rest()
		if (ms < 2 ** 31) this.timer = setTimeout(() => this.controller.abort(late()), ms)
	}

	/** rest stops the clock until it is allowed something again. */
	rest(): void { clearTimeout(this.timer) }

	/** end stops the clock and lets go of the caller's signal. It may be called again. */
	end(): void {
		this.rest()
		this.signal?.removeEventListener('abort', this.follow)
	}
}
