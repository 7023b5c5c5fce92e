import { h, type Child } from '../core/dom'
import { get, maybe } from '../core/http'
import { Load } from '../core/load'
import type { Page } from '../core/router'
import type { Failure, Flow, JobItem, JobPage, Recovery } from '../core/shapes'
import { count, plural, span, words } from '../core/format'
import { Bars } from '../parts/chart'
import { Runbook } from '../parts/runbook'
import { Card, Empty, Head, ProblemNote, Time, Waiting } from '../parts/words'

interface Numbers { failures: Failure[]; recovery?: Recovery[]; flow?: Flow[]; whole: boolean }

/** Failures groups what went wrong by its code, and shows whether it is getting better. */
export class Failures implements Page {
	title = 'Failures'
	private code = ''
	private readonly numbers = new Load((s) => this.read(s)).poll(5000)

	private runbook?: Runbook

	constructor(q: URLSearchParams) { this.turn(q) }

	leave(): void {
		this.numbers.end()
		this.runbook?.end()
	}

	turn(q: URLSearchParams): void {
		this.code = q.get('code') ?? ''
		if (this.runbook?.code === this.code) return
		this.runbook?.end()
		this.runbook = this.code ? new Runbook(this.code) : undefined
	}

	private async read(s: AbortSignal): Promise<Numbers> {
		const [failures, recovery, flow] = await Promise.all([
			maybe<{ failures: Failure[] }>('/v1/stats/failures', s), maybe<{ spans: Recovery[] }>('/v1/stats/recovery', s), maybe<{ spans: Flow[] }>('/v1/stats/throughput', s),
		])
		if (failures) return { failures: failures.failures ?? [], recovery: recovery?.spans ?? [], flow: flow?.spans ?? [], whole: true }
		// A gateway without statistics: the newest jobs that have a fault have to do.
		const page = await get<JobPage>('/v1/jobs?state=failed,attention,partial,rolled_back&limit=500', s)
		return { failures: grouped(page.jobs), whole: false }
	}

	view(): Child {
		const n = this.numbers.data
		return <div>
			<Head title="Failures" note={<span class="muted">{n && !n.whole ? 'Of the newest jobs that have a fault' : 'By code, of the last 24 hours'}</span>} />
			<ProblemNote problem={this.numbers.problem} />
			{this.runbook?.view()}
			{!n ? this.numbers.problem ? null : <Waiting /> : <div class="stack">
				{n.recovery || n.flow ? <div class="charts">
					{n.flow?.length ? <Card title="Jobs and failures" note="by the hour"><Bars label="Jobs accepted and failures by the hour" show={count} bars={n.flow.map((f) => ({
						at: f.at, parts: [{ tone: 'good', name: 'accepted', value: f.accepted }, { tone: 'bad', name: 'failures', value: f.failures }],
					}))} /></Card> : null}
					{n.recovery?.length ? <Card title="Time to recover" note={recoveredNote(n.recovery)}><Bars label="Median time to recover by the hour" show={span} bars={n.recovery.map((r) => ({
						at: r.at, parts: [{ tone: 'busy', name: 'median from the first failure to the success', value: r.median_ms, note: `95 % within ${span(r.p95_ms)}, ${r.recovered} recovered, ${r.given_up} given up` }],
					}))} /></Card> : null}
				</div> : null}
				{n.failures.length ? <ul class="rows">{n.failures.map((f) => this.row(f))}</ul> : <Empty title="Nothing has failed">Faults are grouped here by their code, with what helps.</Empty>}
			</div>}
		</div>
	}

	private row(f: Failure): Child {
		return <li key={f.code + ' ' + f.class} class={'row failure' + (f.code === this.code ? ' chosen' : '')} data-code={f.code}>
			<div class="row-head"><b class="big num">{count(f.count)}</b>
				<span class="grow"><a class="mono strong" href={'#/failures?code=' + encodeURIComponent(f.code)}>{f.code}</a> <span class="muted small">{words(f.class)}</span>
					{f.hint ? <span class="block muted">{f.hint}</span> : null}</span>
				<span class="muted small right">{f.last_at ? <span class="block">last <Time at={f.last_at} /></span> : null}
					<span class="block">{plural(f.jobs, 'job has', 'jobs have')} it now</span>
					<span class="block"><a href={'#/failures?code=' + encodeURIComponent(f.code)}>Runbook</a>{f.example ? <span> · <a href={'#/jobs/' + f.example}>Newest job</a></span> : null}</span></span></div>
		</li>
	}
}

function recoveredNote(spans: Recovery[]): string {
	const [back, lost] = spans.reduce(([a, b], r) => [a + r.recovered, b + r.given_up], [0, 0])
	return `${count(back)} recovered, ${count(lost)} given up`
}

function grouped(jobs: JobItem[]): Failure[] {
	const by = new Map<string, Failure>()
	for (const j of jobs) {
		if (!j.fault) continue
		const f = by.get(j.fault.code) ?? { code: j.fault.code, class: j.fault.class, hint: j.fault.hint, count: 0, jobs: 0, last_at: j.finished_at ?? j.accepted_at, example: j.id }
		f.count++
		f.jobs++
		by.set(f.code, f)
	}
	return [...by.values()].sort((a, b) => b.count - a.count)
}
