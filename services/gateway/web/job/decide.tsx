import { h, type Child } from '../core/dom'
import { call } from '../core/http'
import type { Decision } from '../core/shapes'
import { plural, title, words } from '../core/format'
import { ask, ReasonField } from '../parts/dialog'
import { FaultNote, Time } from '../parts/words'

const harmful = new Set(['abandon', 'cancel', 'force_skip'])

/** DecisionCard shows what is asked, and takes the answer. */
export const DecisionCard = (p: { decision: Decision; done: () => void; elsewhere?: boolean; key?: string }): Child => {
	const d = p.decision
	return <article class="decision" data-decision={d.id} aria-label={`Decision about ${d.step}`}>
		<div class="decision-head">
			<h3>{p.elsewhere ? <a href={'#/jobs/' + d.job}>{d.pipeline} · {d.step}</a> : d.step}{d.undo ? <span class="muted"> undo</span> : null}</h3>
			<span class="muted small">{d.stage} · {plural(d.attempts, 'attempt')} · asked <Time at={d.opened_at} /></span>
		</div>
		{d.fault ? <FaultNote fault={d.fault} /> : null}
		{d.effect ? <p>Nobody can tell whether <b class="mono">{d.effect}</b> was done.</p> : null}
		{d.checkpoint?.number ? <p class="muted small">Last known place: checkpoint {d.checkpoint.number}{d.checkpoint.percent ? `, ${d.checkpoint.percent} %` : ''}</p> : null}
		<div class="choices" role="group" aria-label="Choices">{d.choices?.map((c) =>
			<button type="button" key={c.choice} data-choice={c.choice} class={'button' + (harmful.has(c.choice) ? ' danger-quiet' : '')}
				title={c.means} onclick={() => choose(d, c.choice, c.means, p.done)}>{title(c.choice)}</button>)}</div>
		<p class="muted small">{d.overdue ? `Reminded ${d.overdue} times. ` : ''}Without a word, <b>{words(d.default)}</b> is taken <Time at={d.due_at} />.</p>
	</article>
}

function choose(d: Decision, choice: string, means: string, done: () => void): void {
	let reason = ''
	const needed = choice === 'accept'
	ask({
		title: title(choice), action: title(choice), danger: harmful.has(choice),
		ready: () => !needed || reason.trim() !== '',
		view: () => <div class="form"><p>{means.replace(/^./, (c) => c.toUpperCase())}{/[.!]$/.test(means) ? '' : '.'}</p>
			<p class="muted small">{d.pipeline} · {d.step} · {d.job}</p>
			<ReasonField value={reason} set={(s) => { reason = s }} needed={needed} /></div>,
		run: async () => {
			const body = { choice, ...(reason.trim() ? { reason: reason.trim() } : {}) }
			await call('POST', '/v1/decisions/' + encodeURIComponent(d.id), { body, headers: { 'If-Match': `"${d.version}"` } })
			done()
		},
	})
}
