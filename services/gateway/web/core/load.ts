import { problemOf, type Problem } from './http'
import { redraw } from './dom'

/**
 * Load is something that is read, and read again. What was read last stays to be seen
 * while that goes on, and when it fails.
 */
export class Load<T> {
	data?: T
	problem?: Problem
	/** at is when data was read. */
	at = 0
	private running?: AbortController
	private timer = 0
	private every = 0
	private ended = false
	private readonly seen = () => { if (!document.hidden && this.every) void this.refresh() }

	constructor(private readonly read: (signal: AbortSignal) => Promise<T>) {}

	/** poll reads now and then again and again, less often while nobody looks. */
	poll(ms: number): this {
		this.every = ms
		document.addEventListener('visibilitychange', this.seen)
		void this.refresh()
		return this
	}

	/** refresh reads now. A reading that is under way is given up. */
	async refresh(): Promise<void> {
		if (this.ended) return
		this.running?.abort()
		clearTimeout(this.timer)
		const mine = this.running = new AbortController()
		try {
			const data = await this.read(mine.signal)
			if (mine.signal.aborted) return
			this.data = data
			this.problem = undefined
			this.at = Date.now()
		} catch (err) {
			if (mine.signal.aborted) return
			this.problem = problemOf(err)
		}
		redraw()
		if (this.every) this.timer = setTimeout(() => void this.refresh(), document.hidden ? this.every * 10 : this.every)
	}

	private soonTimer = 0

	/** soon reads in a moment, one time for however many who ask meanwhile. */
	soon(ms = 250): void {
		if (this.soonTimer || this.ended) return
		this.soonTimer = setTimeout(() => {
			this.soonTimer = 0
			void this.refresh()
		}, ms)
	}

	end(): void {
		this.ended = true
		this.every = 0
		this.running?.abort()
		clearTimeout(this.timer)
		clearTimeout(this.soonTimer)
		document.removeEventListener('visibilitychange', this.seen)
	}
}
