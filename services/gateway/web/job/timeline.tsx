import { h, type Child } from '../core/dom'
import type { Record_ } from '../core/shapes'
import { clock, full, span } from '../core/format'
import { toneOf } from '../parts/words'

/** toneOfType is the tone of a record, by what happened. */
function toneOfType(type: string): string {
	const what = type.split('.')[1] ?? ''
	if (/retry_scheduled|waiting/.test(what)) return 'wait'
	if (/attention|decision/.test(what)) return 'call'
	if (/succeeded|completed|done/.test(what)) return 'good'
	if (/failed/.test(what)) return 'bad'
	if (/undo|rolled|compensat/.test(type)) return 'back'
	return toneOf(what)
}

/** what says in a few words what a record adds. */
function what(r: Record_): string {
	const { outcome, control, timer } = r.input
	if (control) return [control.verb, control.step, control.by && 'by ' + control.by, control.reason && '“' + control.reason + '”'].filter(Boolean).join(' · ')
	if (outcome?.fault) return [outcome.fault.code, outcome.fault.message].filter(Boolean).join(': ')
	if (outcome?.resumed) return outcome.resumed.decision + (outcome.resumed.percent ? ` at ${outcome.resumed.percent} %` : '')
	if (outcome) return span(Date.parse(outcome.ended_at) - Date.parse(outcome.started_at))
	if (timer) return timer.limit ? 'limit: ' + timer.limit : 'its time had come'
	return ''
}

/** Timeline is all that happened, the newest first. */
export const Timeline = (p: { records: Record_[]; pick: (step: string) => void }): Child =>
	<ol class="timeline">{[...p.records].sort((a, b) => b.revision - a.revision).map((r) => <li key={r.revision} class={'tone-' + toneOfType(r.type)}>
		<time class="num muted" datetime={r.time} title={full(r.time)}>{clock(r.time, true)}</time>
		<i class="dot" aria-hidden="true" />
		<div class="what"><span class="type">{r.type}</span>
			{r.step ? <button type="button" class="link" onclick={() => p.pick(r.step!)}>{r.step}{r.attempt ? ` #${r.attempt}` : ''}</button> : null}
			<span class="mono-soft">{what(r)}</span></div>
		<details class="raw"><summary aria-label={`Record ${r.revision} in full`}>{r.revision}</summary><Raw record={r} /></details>
	</li>)}</ol>

/** Raw is the record as it is, without the state of the job behind it. */
const Raw = (p: { record: Record_ }): Child => {
	const { job, ...rest } = p.record
	return <pre tabindex="0">{JSON.stringify({ ...rest, job: { state: job.state } }, null, 2)}</pre>
}
