import { get, maybe, Problem } from '../core/http'
import { redraw } from '../core/dom'
import { Load } from '../core/load'
import { follow } from '../core/stream'
import { Saves } from './checkpoints'
import type { Decision, Explanation, JobAnswer, Pipeline, Progress, Record_ } from '../core/shapes'

/** Pace is how fast a step goes, from what it has said of its progress. */
export interface Pace extends Progress { rate?: number; eta?: number }

/** JobState is all that is known of a job, and keeps up with it. */
export class JobState {
	records: Record_[] = []
	answer?: JobAnswer
	problem?: Problem
	live = false
	ended = false
	/** paces are the newest words of the steps that run. */
	readonly paces = new Map<string, Pace>()
	private readonly first = new Map<string, Progress>()
	private readonly whole: Load<JobAnswer>
	readonly explanation: Load<Explanation>
	readonly decisions: Load<Decision[]>
	private readonly saves = new Map<string, Saves>()
	pipeline?: Pipeline
	private unfollow = () => {}

	constructor(readonly id: string) {
		this.whole = new Load(async (s) => {
			const a = await get<JobAnswer>('/v1/jobs/' + id, s)
			this.take(a)
			return a
		})
		this.explanation = new Load((s) => get<Explanation>(`/v1/jobs/${id}/explain`, s))
		this.decisions = new Load((s) => this.readDecisions(s))
		void this.whole.refresh().then(() => { this.problem ??= this.whole.problem })
		this.listen()
	}

	end(): void {
		this.unfollow()
		for (const l of [this.whole, this.explanation, this.decisions, ...this.saves.values()]) l.end()
	}

	/** savesOf are the checkpoints of a step, read from the first time that somebody looks. */
	savesOf(step: string): Saves {
		let s = this.saves.get(step)
		if (!s) this.saves.set(step, s = new Saves(this.id, step))
		return s
	}

	/** listen follows the records from the first, again after the job has moved on from its end. */
	private listen(): void {
		this.unfollow()
		this.records = []
		this.ended = false
		this.unfollow = follow(`/v1/jobs/${this.id}/events`, {
			event: (e) => {
				if (e.event === 'end') {
					this.ended = true
					this.live = false
					this.paces.clear()
					this.lookAgain()
					return true
				}
				const data = JSON.parse(e.data)
				if (e.event === 'progress') this.progress(data)
				else this.record(data)
				redraw()
				return false
			},
			live: (yes) => { this.live = yes; redraw() },
			gone: (p) => { this.problem = p; redraw() },
		})
	}

	private record(r: Record_): void {
		if (this.records.some((o) => o.revision === r.revision)) return
		this.records.push(r)
		if (!this.answer || r.revision > this.answer.revision) {
			this.answer = { revision: r.revision, job: r.job, allowed: this.answer?.allowed }
			this.lookAgain()
		}
		if (r.step) this.saves.get(r.step)?.list.soon()
		if (r.step && !/resumed$/.test(r.type)) {
			this.paces.delete(r.step)
			this.first.delete(r.step)
		}
	}

	/** lookAgain reads what only the gateway can tell: what is allowed, and why. */
	private lookAgain(): void {
		this.whole.soon(60)
		this.explanation.soon(60)
		this.decisions.soon(60)
	}

	private take(a: JobAnswer): void {
		this.problem = undefined
		if (this.answer && a.revision < this.answer.revision) return
		const moved = a.revision > (this.answer?.revision ?? 0)
		this.answer = a
		if (moved) {
			this.explanation.soon(1)
			this.decisions.soon(1)
		}
		if (this.pipeline?.digest !== a.job.pipeline.digest) void this.readPipeline(a)
	}

	private async readPipeline(a: JobAnswer): Promise<void> {
		const { name, digest } = a.job.pipeline
		this.pipeline = await maybe<Pipeline>(`/v1/pipelines/${name}?digest=${encodeURIComponent(digest)}`).catch(() => undefined)
		redraw()
	}

	private async readDecisions(signal: AbortSignal): Promise<Decision[]> {
		const ids = Object.values(this.answer?.job.steps ?? {}).flatMap((s) => [s.decision, s.undo?.decision])
			.flatMap((d) => d && !d.made ? [d.id] : [])
		const found = await Promise.all(ids.map((id) => maybe<Decision>('/v1/decisions/' + encodeURIComponent(id), signal)))
		return found.filter((d) => d !== undefined)
	}

	private progress(p: Progress): void {
		const key = p.step
		this.saves.get(key)?.list.soon(1000)
		const first = this.first.get(key)
		if (!first || first.attempt !== p.attempt) this.first.set(key, p)
		const pace: Pace = { ...p }
		if (first && first.attempt === p.attempt) {
			const s = (Date.parse(p.time) - Date.parse(first.time)) / 1000
			if (s > 0.2) pace.rate = (p.done - first.done) / s
			if (pace.rate && p.total) pace.eta = 1000 * (p.total - p.done) / pace.rate
		}
		this.paces.set(key, pace)
	}

	/** moved is told when a command has changed the job: a job that had ended may go on. */
	moved(a?: JobAnswer): void {
		if (a?.job) this.take(a)
		if (this.ended) this.listen()
		this.lookAgain()
	}
}
