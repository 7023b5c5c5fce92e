import { h, type Child } from '../core/dom'
import type { Fault } from '../core/shapes'
import type { Problem } from '../core/http'
import { clock, full, since, words } from '../core/format'
import { Icon } from './icons'

/** tones give every state its colour, the same one everywhere. */
const tones: Record<string, string> = {
	accepted: 'quiet', pending: 'quiet', skipped: 'quiet', cancelled: 'quiet', dropped: 'quiet', closed: 'good', disabled: 'quiet',
	running: 'busy', queued: 'busy', redriving: 'busy', waiting: 'wait', retrying: 'wait', paused: 'wait', half_open: 'wait',
	attention: 'call', cancelling: 'back', compensating: 'back', rolled_back: 'back', undone: 'back',
	completed: 'good', succeeded: 'good', done: 'good', redriven: 'good', enabled: 'good', delivered: 'good', begun: 'wait', save: 'good', claim: 'busy', failing: 'wait', given_up: 'bad', partial: 'part',
	failed: 'bad', open: 'bad',
}

/** toneOf is the tone of a state. */
export const toneOf = (state: string): string => tones[state] ?? 'quiet'

/** Badge is a state. */
export const Badge = (p: { state: string; text?: string }) =>
	<span class={'badge tone-' + toneOf(p.state)} data-state={p.state}>{p.text ?? words(p.state)}</span>

/** Time says how long ago something was, and exactly when to who points at it. */
export const Time = (p: { at: string; exact?: boolean }) =>
	<time datetime={p.at} title={full(p.at)}>{p.exact ? clock(p.at) : since(p.at)}</time>

/** Copy is a text in full that can be taken along. */
export const Copy = (p: { text: string; shown?: string; what: string }) =>
	<button type="button" class="copy mono" title={p.text} aria-label={`Copy ${p.what} ${p.text}`}
		onclick={() => void navigator.clipboard?.writeText(p.text)}>
		{p.shown ?? p.text}<Icon name="copy" />
	</button>

/** FaultNote is a fault with what to do about it. */
export const FaultNote = (p: { fault: Fault }) => {
	const f = p.fault
	return <div class="fault">
		<div class="fault-head"><a class="mono strong" href={'#/failures?code=' + encodeURIComponent(f.code)}>{f.code}</a>
			<span class="muted">{words(f.class)}{f.dependency ? ' · ' + f.dependency : ''}</span></div>
		{f.message ? <p class="mono-soft">{f.message}</p> : null}
		{f.hint ? <p class="muted">{f.hint}</p> : null}
	</div>
}

/** ProblemNote is why something did not go. */
export const ProblemNote = (p: { problem?: Problem; again?: () => void }) => {
	if (!p.problem) return <div class="nothing" hidden />
	const s = p.problem.shape
	return <div class="note tone-bad" role="alert">
		<strong>{s.title}</strong>{s.detail ? <p>{s.detail}</p> : null}
		{s.errors?.map((e) => <p class="mono-soft">{e.pointer} {e.detail}</p>)}
		{s.hint ? <p class="muted">{s.hint}</p> : null}
		<p class="small muted mono">{s.code}</p>
		{p.again ? <button type="button" class="button small" onclick={p.again}>Try again</button> : null}
	</div>
}

/** Empty says that there is nothing, and what would change that. */
export const Empty = (p: { title: string; children?: Child }) =>
	<div class="empty"><strong>{p.title}</strong><p class="muted">{p.children}</p></div>

/** Waiting stands where something is to come. */
export const Waiting = () => <div class="waiting" role="status"><span class="sr">Loading</span><i /><i /><i /></div>

/** Head is the top of a page. */
export const Head = (p: { title: Child; note?: Child; children?: Child }) =>
	<header class="head"><div class="head-text"><h1>{p.title}</h1>{p.note ? <div class="head-note">{p.note}</div> : null}</div>
		<div class="actions">{p.children}</div></header>

/** Card is a part of a page. */
export const Card = (p: { title?: string; note?: Child; class?: string; children?: Child }) =>
	<section class={'card ' + (p.class ?? '')} aria-label={p.title}>
		{p.title ? <div class="card-head"><h2>{p.title}</h2>{p.note ? <span class="muted small">{p.note}</span> : null}</div> : null}
		{p.children}
	</section>

/** Facts is a list of names and values; those without a value are left out. */
export const Facts = (p: { rows: [string, Child][] }) =>
	<dl class="facts">{p.rows.filter(([, v]) => v !== undefined && v !== null && v !== '').map(([k, v]) =>
		<div key={k}><dt>{k}</dt><dd>{v}</dd></div>)}</dl>

/** Labels are a job's labels. */
export const Labels = (p: { labels?: Record<string, string> }) =>
	<span class="labels">{Object.entries(p.labels ?? {}).map(([k, v]) =>
		<a class="label" key={k} href={'#/jobs?label=' + encodeURIComponent(`${k}=${v}`)}><b>{k}</b>{v}</a>)}</span>
