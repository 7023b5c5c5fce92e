import { h, type Child } from '../core/dom'
import type { Page } from '../core/router'
import type { File_, Job, Source } from '../core/shapes'
import { bytes, clock, plural, short, took, words } from '../core/format'
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
	private chosen = ''

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
			<Card class="flush"><Graph label="Steps of the job" steps={graphSteps(j, this.state.pipeline?.steps, this.state.paces)} chosen={this.chosen}
				pick={(id) => { this.chosen = this.chosen === id ? '' : id }} /></Card>
			<div class="split">
				<div>{this.panel(j)}{this.chosen ? null : this.results(j)}</div>
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
		return <div class={'banner tone-' + (({ attention: 'call', failed: 'bad', partial: 'part', waiting: 'wait', paused: 'wait' } as Record<string, string>)[j.state] ?? 'quiet')}>
			<p>{capital(r.why)}</p>{r.next ? <p class="muted">{capital(r.next)}</p> : null}
			{j.fault ? <FaultNote fault={j.fault} /> : null}
		</div>
	}

	private panel(j: Job): Child {
		const s = this.chosen && j.steps[this.chosen]
		if (!s) return null
		return <StepPanel key={this.chosen} id={this.chosen} step={s} pace={s.state === 'queued' ? this.state.paces.get(this.chosen) : undefined} records={this.state.records}
			plan={this.state.pipeline?.steps.find((o) => o.id === this.chosen)}
			reasons={this.state.explanation.data?.reasons.filter((r) => r.step === this.chosen) ?? []} />
	}

	/** results are what came of the job, while no step is chosen. */
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
			<p class="muted small hint">Choose one of the {plural(Object.keys(j.steps).length, 'step')} to see its attempts, checkpoints, findings and files.</p>
		</div>
	}
}

const capital = (s: string): string => s.replace(/^./, (c) => c.toUpperCase()) + (/[.!?]$/.test(s) ? '' : '.')

const stored = (s: Source): s is Source & File_ => !!s.digest

function nameOf(j: Job): string {
	const f = j.files[0]
	const name = f?.name || (f?.url ? f.url.replace(/[?#].*$/, '').split('/').pop() : '')
	return (name || j.pipeline.name) + (j.files.length > 1 ? ` and ${j.files.length - 1} more` : '')
}
