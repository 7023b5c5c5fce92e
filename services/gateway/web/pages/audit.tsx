import { h, redraw, type Child } from '../core/dom'
import { get, query } from '../core/http'
import { Load } from '../core/load'
import { go, type Page } from '../core/router'
import type { AuditEntry, AuditPage } from '../core/shapes'
import { short, title, words } from '../core/format'
import { Icon } from '../parts/icons'
import { Badge, Empty, Head, ProblemNote, Time, Waiting, toneOf } from '../parts/words'

/** what are the beginnings of all actions: what they are done to. */
const what = ['job', 'decision', 'deadletter', 'operation', 'pipeline', 'rule', 'key', 'webhook', 'delivery', 'view']
const outcomes = ['done', 'failed', 'begun']
const hour = 3_600_000
const spans: [string, string, number][] = [['1h', 'The last hour', hour], ['24h', 'The last 24 hours', 24 * hour], ['7d', 'The last 7 days', 168 * hour]]

type Filters = Record<'by' | 'action' | 'target' | 'outcome' | 'since' | 'cursor', string>
const none: Filters = { by: '', action: '', target: '', outcome: '', since: '', cursor: '' }

/** Audit is who decided and changed what, when and why. */
export class Audit implements Page {
	title = 'Audit'
	private filters = none
	/** before are the cursors of the pages before this one. */
	private before: string[] = []
	private typing = 0
	private readonly list: Load<AuditPage>

	constructor(q: URLSearchParams) {
		this.take(q)
		this.list = new Load((s) => this.read(s)).poll(5000)
	}

	leave(): void {
		this.list.end()
		clearTimeout(this.typing)
	}

	turn(q: URLSearchParams): void {
		this.take(q)
		void this.list.refresh()
	}

	private take(q: URLSearchParams): void {
		this.filters = { ...none }
		for (const name of Object.keys(none) as (keyof Filters)[]) this.filters[name] = q.get(name) ?? ''
		if (!this.filters.cursor) this.before = []
	}

	private read(s: AbortSignal): Promise<AuditPage> {
		const span = spans.find(([name]) => name === this.filters.since)
		const since = span ? new Date(Date.now() - span[2]).toISOString() : ''
		return get<AuditPage>('/v1/audit' + query({ ...this.filters, since }), s)
	}

	/** show leads to other entries, the newest of them first. */
	private show(change: Partial<Filters>, replace = false): void {
		go('audit' + query({ ...this.filters, cursor: '', ...change }), replace)
	}

	view(): Child {
		const page = this.list.data
		return <div>
			<Head title="Audit" note={<span class="muted">Who decided and changed what, when and why, newest first</span>} />
			{this.choose()}
			<ProblemNote problem={this.list.problem} />
			{page ? this.table(page) : this.list.problem ? null : <Waiting />}
		</div>
	}

	private choose(): Child {
		const f = this.filters
		return <div class="filters">
			<div class="filter-row">
				<label class="search"><span class="sr">What it was done to</span><Icon name="search" />
					<input type="search" name="target" placeholder="Id or name of what it was done to" value={f.target} oninput={(e: any) => this.type(e.target.value)} /></label>
				<label class="select"><span class="sr">What was done</span>
					<select name="action" value={f.action} onchange={(e: any) => this.show({ action: e.target.value })}>
						<option value="">All actions</option>
						{[...what, ...(f.action && !what.includes(f.action) ? [f.action] : [])].map((a) => <option key={a} value={a}>{said(a)}</option>)}
					</select></label>
				<label class="select"><span class="sr">When</span>
					<select name="since" value={f.since} onchange={(e: any) => this.show({ since: e.target.value })}>
						<option value="">At any time</option>
						{spans.map(([name, text]) => <option key={name} value={name}>{text}</option>)}
					</select></label>
				{f.by ? <button type="button" class="label mono" data-filter="by" onclick={() => this.show({ by: '' })}>{f.by}<Icon name="close" /><span class="sr">Remove this filter</span></button> : null}
			</div>
			<div class="chips" role="group" aria-label="What came of it">{['', ...outcomes].map((o) =>
				<button type="button" key={o} class={'chip tone-' + (o ? toneOf(o) : 'busy')} data-outcome={o} aria-pressed={String(f.outcome === o)} onclick={() => this.show({ outcome: o })}>{o || 'all'}</button>)}</div>
		</div>
	}

	private type(text: string): void {
		this.filters = { ...this.filters, target: text }
		clearTimeout(this.typing)
		this.typing = setTimeout(() => { this.show({ target: text.trim() }, true); redraw() }, 300)
	}

	private table(page: AuditPage): Child {
		const { cursor, ...asked } = this.filters
		if (!page.entries.length) {
			return Object.values(asked).some(Boolean) || cursor ? <Empty title="No entry fits"><button type="button" class="link" onclick={() => go('audit')}>Take the filters away</button></Empty>
				: <Empty title="Nothing yet">What people and programs decide and change is kept here.</Empty>
		}
		return <div>
			<table class="list audit">
				<thead><tr><th scope="col">Outcome</th><th scope="col">What</th><th scope="col">Who</th><th scope="col">Why</th><th scope="col" class="num">When</th></tr></thead>
				<tbody>{page.entries.map((e) => this.row(e))}</tbody>
			</table>
			<nav class="pager" aria-label="Pages">
				<button type="button" class="button" disabled={!cursor} onclick={() => this.show({ cursor: this.before.pop() ?? '' })}>Newer</button>
				<button type="button" class="button" disabled={!page.next_cursor} onclick={() => { this.before.push(cursor); this.show({ cursor: page.next_cursor! }) }}>Older</button>
			</nav>
		</div>
	}

	private row(e: AuditEntry): Child {
		return <tr key={e.id} data-audit={e.id} data-action={e.action} data-outcome={e.outcome}>
			<td><Badge state={e.outcome} /></td>
			<td class="main"><span class="strong block">{said(e.action)}</span><span class="sub"><Target entry={e} />{e.detail ? <span class="ellipsis" title={e.detail}>{e.detail}</span> : null}</span></td>
			<td class="who"><button type="button" class="link mono wrap" title={'Only what ' + e.by + ' did'} onclick={() => this.show({ by: e.by })}>{e.by}</button>
				{e.mill || e.tenant !== 'default' ? <span class="block small muted">{e.mill ? 'of the mill' : e.tenant}</span> : null}</td>
			<td class="why wrap">{e.reason ? <span class="block">{e.reason}</span> : null}
				{e.code ? <a class="mono small tone-bad text" href={'#/failures?code=' + encodeURIComponent(e.code)}>{e.code}</a> : null}
				{e.outcome === 'begun' ? <span class="block small muted">Nobody knows what came of it.</span> : null}</td>
			<td class="num muted when"><Time at={e.time} exact /></td>
		</tr>
	}
}

/** said is an action in words: "job.cancel" is "Job: cancel". */
const said = (action: string): string => {
	const [about = '', ...verb] = action.split('.')
	return title(about === 'deadletter' ? 'dead letter' : about) + (verb.length ? ': ' + words(verb.join(' ')) : '')
}

/** Target is what it was done to, and leads there if the page shows such a thing. */
const Target = (p: { entry: AuditEntry }) => {
	const { action, target } = p.entry
	if (!target) return null
	const [about] = action.split('.')
	const job = about === 'job' ? target : about === 'decision' ? target.split('.')[0] : undefined
	if (job) return <a class="mono" title={target} href={'#/jobs/' + job}>{short(target)}</a>
	return about === 'pipeline' ? <a class="mono ellipsis" href={'#/pipelines/' + encodeURIComponent(target)}>{target}</a> : <span class="mono ellipsis" title={target}>{target}</span>
}
