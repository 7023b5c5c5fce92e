import { h, redraw, type Child } from '../core/dom'
import { call, problemOf, type Problem } from '../core/http'
import { go } from '../core/router'
import type { Choice, JobAnswer, Receipt, RerunPlan, RollbackPlan } from '../core/shapes'
import { plural, short } from '../core/format'
import { ask, ReasonField } from '../parts/dialog'
import { ProblemNote, Waiting } from '../parts/words'
import type { JobState } from './state'

/** verbs say what the commands are, and whether they take something away. */
const verbs: Record<string, { name: string; about: string; danger?: boolean }> = {
	retry: { name: 'Try again', about: 'What is in attention gets another budget of attempts, and what waits for its next attempt is tried at once.' },
	resume: { name: 'Go on', about: 'The job goes on from where it was paused.' },
	pause: { name: 'Pause', about: 'What is queued is finished, and nothing new is begun.' },
	skip: { name: 'Skip a step', about: 'The job goes on without the step.' },
	accept: { name: 'Accept an undo', about: 'An undo that failed is taken for done.' },
	rerun: { name: 'Run again', about: '' },
	rollback: { name: 'Roll back', about: '', danger: true },
	abandon: { name: 'Give up', about: 'What is in attention fails, and what the job did is taken back.', danger: true },
	cancel: { name: 'Cancel', about: 'The job stops, and what it did is taken back.', danger: true },
}
const order = Object.keys(verbs)

/** Actions are the commands that the job takes as it is. */
export const Actions = (p: { state: JobState }): Child => {
	const a = p.state.answer
	const names = [...new Set((a?.allowed ?? []).map((c) => c.verb))].filter((v) => verbs[v])
		.sort((x, y) => order.indexOf(x) - order.indexOf(y))
	return <div class="actions" role="group" aria-label="What can be done">{names.map((v) =>
		<button type="button" key={v} data-verb={v} class={'button' + (verbs[v]!.danger ? ' danger-quiet' : '')}
			title={wants(a!, v)} onclick={() => begin(p.state, a!, v)}>{verbs[v]!.name}</button>)}</div>
}

const wanted: Record<string, string> = {
	step: 'a step', reason: 'a reason', force: 'a word that it is meant', effect: 'a word on the effect', irreversible: 'a word on what stays', plan: 'its plan',
}

/** wants says what a command asks for before it is sent. */
function wants(a: JobAnswer, verb: string): string {
	const needs = [...new Set(a.allowed!.filter((c) => c.verb === verb).flatMap((c) => c.needs ?? []))].map((n) => wanted[n] ?? n)
	return (needs.length ? `It wants ${needs.join(' and ')}. ` : '') + `It is for revision ${a.revision} of the job.`
}

function begin(state: JobState, a: JobAnswer, verb: string): void {
	if (verb === 'rollback') rollback(state)
	else if (verb === 'rerun') rerun(state, a)
	else command(state, a, verb)
}

/** command asks for what a command needs, and sends it for the revision that is shown. */
function command(state: JobState, a: JobAnswer, verb: string): void {
	const choices = a.allowed!.filter((c) => c.verb === verb)
	const steps = [...new Set(choices.flatMap((c) => c.steps ?? []))]
	const whole = choices.some((c) => !c.steps || !c.needs?.includes('step'))
	let step = whole ? '' : steps[0] ?? '', reason = '', effect = '', force = false
	const chosen = (): Choice | undefined => choices.find((c) => step ? c.steps?.includes(step) : !c.needs?.includes('step')) ?? choices[0]
	const needs = (what: string) => !!chosen()?.needs?.includes(what)
	ask({
		title: verbs[verb]!.name, action: verbs[verb]!.name, danger: verbs[verb]!.danger,
		ready: () => (!needs('reason') || reason.trim() !== '') && (!needs('force') || force) && (!needs('effect') || effect !== '') && (!needs('step') || step !== ''),
		view: () => <div class="form">
			<p>{verbs[verb]!.about}</p>
			{steps.length ? <label class="field"><span>Step</span><select name="step" value={step} onchange={(e: any) => { step = e.target.value }}>
				{whole ? <option value="">All that it is about</option> : null}
				{steps.map((s) => <option value={s} key={s}>{s}</option>)}</select></label> : null}
			{needs('force') ? <label class="check"><input type="checkbox" name="force" checked={force} onchange={(e: any) => { force = e.target.checked }} />
				<span>The step is critical. Go on without it all the same.</span></label> : null}
			{needs('effect') ? <fieldset class="field"><legend>Nobody can tell whether the effect was done. Was it?</legend>
				{[['done', 'Yes, it was done'], ['not_done', 'No, it was not']].map(([v, t]) =>
					<label class="check" key={v}><input type="radio" name="effect" value={v} checked={effect === v} onchange={() => { effect = v! }} /><span>{t}</span></label>)}</fieldset> : null}
			<ReasonField value={reason} set={(s) => { reason = s }} needed={needs('reason')} />
			<p class="muted small">It is sent for revision {state.answer!.revision}: if the job moves meanwhile, it is refused.</p>
		</div>,
		run: async () => {
			const body: Record<string, unknown> = {}
			if (step) body['step'] = step
			if (needs('force') && force) body['force'] = true
			if (needs('effect')) body['effect'] = effect
			if (reason.trim()) body['reason'] = reason.trim()
			const headers = { 'If-Match': `"${state.answer!.revision}"` }
			state.moved((await call<JobAnswer>('POST', `/v1/jobs/${state.id}/${verb}`, { body, headers })).data)
		},
	})
}

/** rollback shows what would be taken back before anything is. */
function rollback(state: JobState): void {
	let plan: RollbackPlan | undefined, etag = '', problem: Problem | undefined, reason = '', leave = false
	const steps = () => plan?.steps ?? []
	const stays = () => steps().some((s) => !s.reversible)
	ask({
		title: 'Roll back', action: 'Roll back', danger: true, wide: true,
		ready: () => !!plan && steps().length > 0 && reason.trim() !== '' && (!stays() || leave),
		view: () => <div class="form">
			{problem ? <ProblemNote problem={problem} /> : !plan ? <Waiting /> : <div>
				<p>This is what is taken back, in this order. Nothing else is touched.</p>
				<ol class="plan">{steps().map((s) => <li key={s.step} class={s.reversible ? '' : 'stays'}>
					<strong>{s.step}</strong> <span class="muted mono">{s.stage}</span>
					<span class="muted small">{s.files?.length ? plural(s.files.length, 'file') : ''}</span>
					{s.reversible ? null : <span class="badge tone-wait">stays: cannot be taken back</span>}</li>)}</ol>
				<p class="muted small">Plan <span class="mono" title={plan.digest}>{short(plan.digest)}</span> of revision {plan.revision}. If the job moves meanwhile, this is refused.</p>
				{stays() ? <label class="check"><input type="checkbox" name="irreversible" checked={leave} onchange={(e: any) => { leave = e.target.checked }} />
					<span>Leave what cannot be taken back as it is.</span></label> : null}
				<ReasonField value={reason} set={(s) => { reason = s }} needed />
			</div>}
		</div>,
		run: async () => {
			const body: Record<string, unknown> = { plan: plan!.digest, reason: reason.trim() }
			if (stays()) body['irreversible'] = leave
			state.moved((await call<JobAnswer>('POST', `/v1/jobs/${state.id}/rollback`, { body, headers: { 'If-Match': etag } })).data)
		},
	})
	call<RollbackPlan>('GET', `/v1/jobs/${state.id}/rollback`)
		.then((a) => { plan = a.data; etag = a.etag }).catch((err) => { problem = problemOf(err) }).finally(redraw)
}

/** rerun runs a job again as another one. */
function rerun(state: JobState, a: JobAnswer): void {
	let from = '', version = 'same', reuse = true, reason = '', plan: RerunPlan | undefined, problem: Problem | undefined
	const steps = state.pipeline?.steps.map((s) => s.id) ?? Object.keys(a.job.steps)
	const body = (dry: boolean) => ({
		...(from ? { from_step: from } : {}), pipeline_version: version, reuse,
		...(reason.trim() ? { reason: reason.trim() } : {}), ...(dry ? { dry_run: true } : {}),
	})
	const look = () => {
		call<RerunPlan>('POST', `/v1/jobs/${state.id}/rerun`, { body: body(true) })
			.then((r) => { plan = r.data; problem = undefined }).catch((err) => { problem = problemOf(err); plan = undefined }).finally(redraw)
	}
	ask({
		title: 'Run again', action: 'Run again', wide: true,
		view: () => <div class="form">
			<p>Another job is made of this one. Steps of which nothing has changed are not done again.</p>
			<div class="columns">
				<label class="field"><span>From step</span><select name="from" value={from} onchange={(e: any) => { from = e.target.value; look() }}>
					<option value="">Only what has changed</option>{steps.map((s) => <option key={s} value={s}>{s} and what follows</option>)}</select></label>
				<label class="field"><span>Pipeline</span><select name="version" value={version} onchange={(e: any) => { version = e.target.value; look() }}>
					<option value="same">The same version</option><option value="newest">The newest version</option></select></label>
			</div>
			<label class="check"><input type="checkbox" name="reuse" checked={reuse} onchange={(e: any) => { reuse = e.target.checked; look() }} /><span>Reuse results</span></label>
			<ProblemNote problem={problem} />
			{plan ? <ul class="plan">{plan.steps.map((s) => <li key={s.step}><strong>{s.step}</strong>
				<span class={'badge tone-' + (s.decision === 'reuse' ? 'good' : s.decision === 'run' ? 'busy' : 'quiet')}>{s.decision}</span>
				<span class="muted small">{s.why}</span></li>)}</ul> : problem ? null : <Waiting />}
			<ReasonField value={reason} set={(s) => { reason = s }} />
		</div>,
		run: async () => {
			const r = await call<Receipt>('POST', `/v1/jobs/${state.id}/rerun`, { body: body(false) })
			go('jobs/' + r.data.job)
		},
	})
	look()
}
