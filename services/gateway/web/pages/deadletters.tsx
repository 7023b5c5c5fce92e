import { h, redraw, type Child } from '../core/dom'
import { call, get, query } from '../core/http'
import { Load } from '../core/load'
import { go, type Page } from '../core/router'
import type { DeadLetter, DeadLetterPage } from '../core/shapes'
import { bytes } from '../core/format'
import { ask, ReasonField } from '../parts/dialog'
import { Badge, Empty, Facts, Head, ProblemNote, Time, Waiting } from '../parts/words'

const states = ['open', 'redriving', 'redriven', 'dropped']

/** DeadLetters are the messages that nobody could handle. */
export class DeadLetters implements Page {
	title = 'Dead letters'
	private state = 'open'
	private cursor = ''
	private readonly open = new Map<string, Load<DeadLetter>>()
	private readonly list: Load<DeadLetterPage>

	constructor(q: URLSearchParams) {
		this.take(q)
		this.list = new Load((s) => get<DeadLetterPage>('/v1/deadletters' + query({ state: this.state, cursor: this.cursor }), s)).poll(4000)
	}

	leave(): void {
		this.list.end()
		for (const l of this.open.values()) l.end()
	}

	turn(q: URLSearchParams): void {
		this.take(q)
		void this.list.refresh()
	}

	private take(q: URLSearchParams): void {
		this.state = q.has('state') ? q.get('state')! : 'open'
		this.cursor = q.get('cursor') ?? ''
	}

	view(): Child {
		const d = this.list.data
		return <div>
			<Head title="Dead letters" note={<span class="muted">Messages that no consumer could handle. Nothing happens to them until somebody says so.</span>} />
			<div class="chips" role="group" aria-label="What was done">{[...states, ''].map((s) =>
				<button type="button" class="chip" key={s} aria-pressed={String(this.state === s)} onclick={() => go('deadletters' + (s ? '?state=' + s : '?state='))}>{s || 'all'}</button>)}</div>
			<ProblemNote problem={this.list.problem} />
			{!d ? this.list.problem ? null : <Waiting /> : d.deadletters.length ? <ul class="rows">{d.deadletters.map((l) => this.row(l))}</ul>
				: <Empty title={this.state === 'open' ? 'No dead letters' : 'None here'}>A message comes here when it is malformed or was given up by its consumer.</Empty>}
			{d?.next_cursor || this.cursor ? <nav class="pager" aria-label="Pages">
				<button type="button" class="button" disabled={!this.cursor} onclick={() => history.back()}>Newer</button>
				<button type="button" class="button" disabled={!d?.next_cursor} onclick={() => go('deadletters' + query({ state: this.state, cursor: d?.next_cursor }))}>Older</button></nav> : null}
		</div>
	}

	private row(l: DeadLetter): Child {
		return <li key={l.id} class="row" data-letter={l.id} data-state={l.state}>
			<details class="more" ontoggle={(e: any) => this.look(l.id, e.target.open)}>
				<summary><Badge state={l.state} /><span class="mono strong">{l.code}</span><span class="muted ellipsis grow">{l.reason}</span><span class="muted small"><Time at={l.time} /></span></summary>
				{this.inside(l)}
			</details>
		</li>
	}

	private look(id: string, open: boolean): void {
		if (!open || this.open.has(id)) return
		const load = new Load((s) => get<DeadLetter>('/v1/deadletters/' + encodeURIComponent(id), s))
		this.open.set(id, load)
		void load.refresh()
	}

	private inside(l: DeadLetter): Child {
		const full = this.open.get(l.id)
		const d = full?.data
		return <div class="inside">
			{l.hint ? <p class="muted">{l.hint}</p> : null}
			<Facts rows={[
				['Consumer', <span class="mono">{l.consumer}</span>], ['Subject', <span class="mono wrap">{l.subject}</span>],
				['Kept in', `${l.stream}, ${l.sequence}`], ['Job', l.job ? <a class="mono" href={'#/jobs/' + l.job}>{l.job}</a> : undefined],
				['Size', bytes(l.size) + (l.cut ? ', of which the first 64 KiB are kept' : '')],
				['Done', l.done ? `${l.state} ${l.done.by ? 'by ' + l.done.by : ''}${l.done.reason ? ': ' + l.done.reason : ''}` : undefined],
				['Became', l.done?.job ? <a class="mono" href={'#/jobs/' + l.done.job}>{l.done.job}</a> : undefined],
			]} />
			<ProblemNote problem={full?.problem} />
			{d ? <pre tabindex="0">{d.text ? pretty(d.text) : d.data ?? ''}</pre> : full && !full.problem ? <Waiting /> : null}
			<div class="choices">
				<button type="button" class="button" disabled={!d || l.cut} onclick={() => redrive(d!, () => this.again(l.id))}>Redrive</button>
				{l.state === 'dropped' ? null : <button type="button" class="button danger-quiet" onclick={() => drop(l, () => this.again(l.id))}>Drop</button>}
			</div>
		</div>
	}

	private again(id: string): void {
		void this.open.get(id)?.refresh()
		void this.list.refresh()
	}
}

function pretty(text: string): string {
	try {
		return JSON.stringify(JSON.parse(text), null, 2)
	} catch {
		return text
	}
}

function redrive(l: DeadLetter, done: () => void): void {
	const before = l.text ? pretty(l.text) : ''
	let reason = '', text = before, bad = ''
	ask({
		title: 'Redrive', action: 'Publish again', wide: true, ready: () => !bad,
		view: () => <div class="form"><p>The message is published again where it was, as it is below.</p>
			{before ? <label class="field"><span>Payload</span><textarea class="mono" rows="12" name="payload" spellcheck="false" value={text} aria-invalid={String(!!bad)}
				oninput={(e: any) => { text = e.target.value; bad = text === before ? '' : complaint(text) }} />{bad ? <small class="tone-bad text">{bad}</small> : null}</label> : null}
			<ReasonField value={reason} set={(s) => { reason = s }} /></div>,
		run: async () => {
			const body = { ...(reason.trim() ? { reason: reason.trim() } : {}), ...(text !== before ? { data: JSON.parse(text) } : {}) }
			await call('POST', `/v1/deadletters/${encodeURIComponent(l.id)}/redrive`, { body, headers: { 'If-Match': `"${l.revision}"` } })
			done()
		},
	})
}

function complaint(text: string): string {
	try {
		const v: unknown = JSON.parse(text)
		return v && typeof v === 'object' && !Array.isArray(v) ? '' : 'It is not a JSON object.'
	} catch (err) {
		return String(err)
	} finally {
		redraw()
	}
}

function drop(l: DeadLetter, done: () => void): void {
	let reason = ''
	ask({
		title: 'Drop', action: 'Drop', danger: true, ready: () => reason.trim() !== '',
		view: () => <div class="form"><p>Nothing is to be done about this letter. It can still be redriven.</p><ReasonField value={reason} set={(s) => { reason = s }} needed /></div>,
		run: async () => {
			await call('DELETE', `/v1/deadletters/${encodeURIComponent(l.id)}` + query({ reason: reason.trim() }), { headers: { 'If-Match': `"${l.revision}"` } })
			done()
		},
	})
}
