import { h, type Child } from '../core/dom'
import type { Job, Outcome, PipelineStep, Reason, Record_, Resumed, Step } from '../core/shapes'
import { amount, bytes, clock, plural, sentence, since, span, words } from '../core/format'
import type { GraphStep } from '../parts/layout'
import { Files } from '../parts/files'
import { Badge, Facts, FaultNote, Time } from '../parts/words'
import type { Saves } from './checkpoints'
import type { Pace } from './state'

/** stateOf is the state of a step to be shown: its undo counts once there is one. */
export function stateOf(s: Step): string {
	if (!s.undo) return s.state
	return s.undo.state === 'done' ? 'undone' : s.undo.state === 'attention' ? 'attention' : 'compensating'
}

/** graphSteps are the steps of a job as boxes. */
export function graphSteps(job: Job, plan: PipelineStep[] | undefined, paces: Map<string, Pace>, reasons: Reason[]): GraphStep[] {
	const steps = plan ?? Object.entries(job.steps).map(([id, s]) => ({ id, stage: s.stage, critical: true }))
	return steps.map((p: PipelineStep) => {
		const s = job.steps[p.id]
		const g: GraphStep = { id: p.id, stage: p.stage, needs: p.needs, state: s ? stateOf(s) : 'pending', optional: !p.critical }
		if (!s) return g
		const pace = s.state === 'queued' ? paces.get(p.id) : undefined
		if (pace?.total) g.percent = 100 * pace.done / pace.total
		g.note = noteOf(s, reasons.find((r) => r.step === p.id && !r.undo)?.attempts_left, pace)
		return g
	})
}

/** noteOf says in a few words how a step stands: how far it is and how fast, or how often it may be tried. */
function noteOf(s: Step, left?: number, pace?: Pace): string | undefined {
	const attempts = left ? plural(left, 'attempt') + ' left' : ''
	if (s.undo) return undefined
	switch (s.state) {
	case 'queued':
		if (!pace?.total) return [`attempt ${s.attempt}`, attempts].filter(Boolean).join(' · ')
		return [`${Math.floor(100 * pace.done / pace.total)} %`, pace.rate ? amount(pace.rate, pace.unit) + '/s' : '',
			pace.eta !== undefined ? span(pace.eta) : attempts].filter(Boolean).join(' · ')
	case 'retrying': return [s.retry_at ? since(s.retry_at) : 'again', attempts].filter(Boolean).join(' · ')
	case 'pending': return attempts
	case 'attention': case 'failed': return s.fault?.code
	case 'skipped': return s.reason ? words(s.reason) : undefined
	case 'succeeded': return s.reuse?.reused ? 'reused' : s.attempt > 1 ? `at attempt ${s.attempt}` : undefined
	}
	return undefined
}

/** StepPanel is one step in detail. */
export const StepPanel = (p: { id: string; step: Step; plan?: PipelineStep; reasons: Reason[]; records: Record_[]; pace?: Pace; saves: Saves }): Child => {
	const { id, step: s } = p
	const outcomes = p.records.flatMap((r) => r.input.outcome?.step === id && r.input.outcome.verdict !== 'resumed' ? [r.input.outcome] : [])
	const resumes = p.records.flatMap((r) => r.input.outcome?.step === id && r.input.outcome.verdict === 'resumed' && r.input.outcome.resumed
		? [{ at: r.time, attempt: r.input.outcome.attempt, ...r.input.outcome.resumed }] : [])
	return <section class="card step" aria-label={`Step ${id}`} data-step-panel={id} data-state={s.state}>
		<div class="card-head"><h2>{id}</h2><Badge state={stateOf(s)} /></div>
		{p.reasons.map((r) => <div class="why"><p>{r.undo ? 'Undo: ' : ''}{sentence(r.why)}</p>
			{r.next ? <p class="muted">{sentence(r.next)}</p> : null}</div>)}
		{p.pace ? <Running pace={p.pace} /> : null}
		{s.fault ? <FaultNote fault={s.fault} /> : null}
		{s.undo?.fault ? <FaultNote fault={s.undo.fault} /> : null}
		<Facts rows={[
			['Stage', <a class="mono" href={'#/stages?name=' + encodeURIComponent(s.stage)}>{s.stage}</a>],
			['Attempts left', p.reasons.find((r) => !r.undo)?.attempts_left],
			['Attempts', s.attempt ? `${s.attempt}${s.spent !== undefined && s.spent !== s.attempt ? `, of which ${s.spent} counted against the budget` : ''}` : undefined],
			['Needs', p.plan?.needs?.join(', ')],
			['Critical', p.plan ? (p.plan.critical ? undefined : 'no: the job goes on without it') : undefined],
			['Taken back', p.plan?.irreversible ? 'cannot be' : undefined],
			['Next attempt', s.retry_at ? <Time at={s.retry_at} exact /> : undefined],
			['Ruled by', s.ruling?.rule],
			['Reuse', s.reuse ? (s.reuse.reused ? `reused${s.reuse.job ? ' from ' + s.reuse.job : ''}` : words(s.reuse.reason)) : undefined],
			...Object.entries(s.findings ?? {}).map(([k, v]): [string, Child] => [k, <span class="mono wrap">{v}</span>]),
		]} />
		{s.files?.length ? <div><h3>Files</h3><Files files={s.files} /></div> : null}
		{p.saves.view()}
		{resumes.length ? <Resumes resumes={resumes} outcomes={outcomes} /> : null}
		{outcomes.length ? <Attempts outcomes={outcomes} /> : null}
	</section>
}

const Running = (p: { pace: Pace }): Child => {
	const { done, total, unit, rate, eta } = p.pace
	const percent = total ? Math.min(100, 100 * done / total) : undefined
	return <div class="running"><progress max="100" value={percent} aria-label="Progress" />
		<span class="num">{amount(done, unit)}{total ? ' of ' + amount(total, unit) : ''}</span>
		{rate ? <span class="num muted">{amount(rate, unit)}/s</span> : null}
		{eta !== undefined ? <span class="num muted">{span(eta)} left</span> : null}</div>
}

const Attempts = (p: { outcomes: Outcome[] }): Child =>
	<div><h3>Attempts</h3><ul class="attempts">{p.outcomes.map((o) => <li>
		<span class="num muted">{o.attempt}</span><Badge state={o.verdict} />
		<span class="num">{span(Date.parse(o.ended_at) - Date.parse(o.started_at))}</span>
		<span class="mono-soft">{o.fault ? o.fault.code : ''}</span>
		<span class="muted small">{o.checkpoints ? plural(o.checkpoints, 'checkpoint') : ''}</span>
		<span class="muted small mono ellipsis" title={o.worker}>{o.worker ?? ''}</span></li>)}</ul></div>

/** Resumes are the places at which attempts went on. Each opens to all that is known of it. */
const Resumes = (p: { resumes: (Resumed & { at: string; attempt: number })[]; outcomes: Outcome[] }): Child =>
	<div><h3>Where attempts went on</h3>{p.resumes.map((r) => <details class="more">
		<summary>Attempt {r.attempt} {words(r.decision)}{r.checkpoint ? ` at checkpoint ${r.checkpoint}` : ''}{r.percent ? `, ${r.percent} %` : ''}</summary>
		<Facts rows={[
			['At', clock(r.at, true)],
			['Saved', r.done !== undefined ? bytes(r.done) + (r.total ? ' of ' + bytes(r.total) : '') : undefined],
			['Why', r.reason], ['After', r.cause?.code],
			['Saved in that attempt', p.outcomes.find((o) => o.attempt === r.attempt)?.checkpoints],
		]} />{r.cause ? <FaultNote fault={r.cause} /> : null}
	</details>)}</div>
