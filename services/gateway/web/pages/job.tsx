import { h, type Child } from '../core/dom'
import type { Page } from '../core/router'
import type { File_, Job, Source } from '../core/shapes'
import { bytes, clock, plural, sentence, short, took, words } from '../core/format'
import { Graph } from '../parts/graph'
import { Files } from '../parts/files'
import { Badge, Card, Copy, Facts, FaultNote, Head, Labels, ProblemNote, Waiting } from '../parts/words'
import { Actions } from '../job/actions'
import { DecisionCard } from '../job/decide'
import { JobState } from '../job/state'
import { graphSteps, StepPanel } from '../job/steps'
import { Timeline } from '../job/timeline'

/** JobPage is one job. */
export class JobPage implements Page {
	private readonly state: JobState
	/** chosen is the step to show in detail; while nobody has chosen it is the one that is at work. */
	private chosen?: string

	constructor(id: string) { this.state = new JobState(id) }

	leave(): void { this.state.end() }

	get title(): string {
		const j = this.state.answer?.job
		return j ? `${nameOf(j)} · ${words(j.state)}` : 'Job'
	}

	view(): Child {
		const a = this.state.answer
		if (!a) return this.state.problem ? <div><Head title="Job" /><ProblemNote problem={this.state.problem} /></div> : <Waiting />
		const j = a.job
		return <div class="job" data-job={j.id} data-state={j.state} data-revision={a.revision}>
			<p class="crumb"><a href="#/jobs">Jobs</a> / <a href={'#/jobs?pipeline=' + j.pipeline.name}>{j.pipeline.name}</a></p>
			<Head title={<span>{nameOf(j)} <Badge state={j.state} /></span>} note={this.note(j)}><Actions state={this.state} /></Head>
			<ProblemNote problem={this.state.problem} />
			{this.why(j)}
			{this.state.decisions.data?.map((d) => <DecisionCard key={d.id} decision={d} done={() => this.state.moved()} />)}
			<p class="sr" role="status">{this.said(j)}</p>
			<Card class="flush"><Graph label="Steps of the job" steps={graphSteps(j, this.state.pipeline?.steps, this.state.paces, this.state.explanation.data?.reasons ?? [])} chosen={this.shown(j)}
				pick={(id) => { this.chosen = this.shown(j) === id ? '' : id }} /></Card>
			<div class="split">
				<div class="stack">{this.panel(j)}{this.results(j)}</div>
				<Card title="Timeline" note={this.state.live ? <span class="live"><i class="dot pulse tone-good" />live</span> : this.state.ended ? 'ended' : 'reconnecting…'}>
					<Timeline records={this.state.records} pick={(id) => { this.chosen = id }} /></Card>
			</div>
		</div>
	}

	private note(j: Job): Child {
		return <span class="muted meta"><Copy text={j.id} shown={short(j.id)} what="job id" />
			<span>accepted {clock(j.accepted_at)}</span><span>{j.finished_at ? 'took ' : 'for '}{took(j)}</span>
			{j.key && j.key !== j.id ? <span class="ellipsis key" title={j.key}>key {j.key}</span> : null}
			{j.rerun ? <span>again <a class="mono" href={'#/jobs/' + j.rerun.job}>{short(j.rerun.job)}</a></span> : null}
			<Labels labels={j.labels} /></span>
	}

	/** why says why the job waits, or what went wrong with it. */
	private why(j: Job): Child {
		const r = this.state.explanation.data?.reasons.find((o) => !o.step)
		const quiet = ['completed', 'running', 'accepted'].includes(j.state)
		if (!r || quiet && !j.fault) return j.fault ? <Card><FaultNote fault={j.fault} /></Card> : null
		return <div class={'banner tone-' + (({ attention: 'call', failed: 'bad', partial: 'part', waiting: 'wait', paused: 'wait', rolled_back: 'back' } as Record<string, string>)[j.state] ?? 'quiet')}>
			<p>{sentence(r.why)}</p>{r.next ? <p class="muted">{sentence(r.next)}</p> : null}
			{j.fault ? <FaultNote fault={j.fault} /> : null}
		</div>
	}

	/** shown is the step that is shown in detail. */
	private shown(j: Job): string {
		if (this.chosen !== undefined) return this.chosen
		const ids = this.state.pipeline?.steps.map((s) => s.id) ?? Object.keys(j.steps)
		for (const state of ['queued', 'retrying']) {
			const id = ids.find((i) => j.steps[i]?.state === state)
			if (id) return id
		}
		return ''
	}

	/** said is what is read to those who do not see it change. */
	private said(j: Job): string {
		const steps = Object.values(j.steps)
		const done = steps.filter((s) => ['succeeded', 'skipped'].includes(s.state)).length
		return `The job is ${words(j.state)}, ${done} of ${plural(steps.length, 'step')} done`
	}

	private panel(j: Job): Child {
		const id = this.shown(j)
		const s = j.steps[id]
		if (!s) return null
		return <StepPanel key={id} id={id} step={s} pace={s.state === 'queued' ? this.state.paces.get(id) : undefined} records={this.state.records}
			saves={this.state.savesOf(id)} plan={this.state.pipeline?.steps.find((o) => o.id === id)}
			reasons={this.state.explanation.data?.reasons.filter((r) => r.step === id) ?? []} />
	}

	/** results are what came of the job, and what it is about. */
	private results(j: Job): Child {
		const outputs = Object.entries(j.outputs ?? {}).filter(([, files]) => files.length)
		return <div class="stack">
			{outputs.length ? <Card title="Results">{outputs.map(([name, files]) => <div key={name}>
				{outputs.length > 1 ? <h3>{name}</h3> : null}<Files files={files} /></div>)}</Card> : null}
			<Card title="Submitted">
				<Files files={j.files.filter(stored)} />
				{j.files.filter((f) => !stored(f)).map((f) => <p class="mono-soft wrap">{f.url ?? f.name ?? ''}{f.inline ? ' ' + bytes(f.inline.length * 3 / 4) : ''}</p>)}
				<Facts rows={[
					['Pipeline', <a href={`#/pipelines/${j.pipeline.name}?digest=${encodeURIComponent(j.pipeline.digest)}`}>{j.pipeline.name} <span class="mono muted">{short(j.pipeline.digest)}</span></a>],
					...Object.entries(j.params ?? {}).map(([k, v]): [string, Child] => [k, <span class="mono wrap">{typeof v === 'string' ? v : JSON.stringify(v)}</span>]),
					['Missing', j.missing?.join(', ')],
				]} /></Card>
			{this.shown(j) ? null : <p class="muted small hint">Choose a step to see its attempts, checkpoints, findings and files.</p>}
		</div>
	}
}

const stored = (s: Source): s is Source & File_ => !!s.digest

function nameOf(j: Job): string {
	const f = j.files[0]
	const name = f?.name || (f?.url ? f.url.replace(/[?#].*$/, '').split('/').pop() : '')
	return (name || j.pipeline.name) + (j.files.length > 1 ? ` and ${j.files.length - 1} more` : '')
}
