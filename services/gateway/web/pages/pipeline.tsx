import { h, type Child } from '../core/dom'
import { diff } from '../core/diff'
import { get, query } from '../core/http'
import { Load } from '../core/load'
import { go, type Page } from '../core/router'
import type { Pipeline } from '../core/shapes'
import { plural, short } from '../core/format'
import { Graph } from '../parts/graph'
import { Card, Copy, Facts, Head, Labels, ProblemNote, Time, Waiting } from '../parts/words'

interface Version { digest: string; applied_at: string }

/** PipelinePage is one pipeline: its graph, its file, its versions, and what is different between two. */
export class PipelinePage implements Page {
	private digest = ''
	private against = ''
	private step = ''
	private readonly current: Load<Pipeline>
	private readonly other: Load<Pipeline | undefined>
	private readonly versions: Load<Version[]>

	constructor(private readonly name: string, q: URLSearchParams) {
		const at = (d: string) => '/v1/pipelines/' + encodeURIComponent(name) + query({ digest: d })
		this.current = new Load((s) => get<Pipeline>(at(this.digest), s))
		this.other = new Load(async (s) => this.against ? get<Pipeline>(at(this.against), s) : undefined)
		this.versions = new Load(async (s) => (await get<{ versions: Version[] }>(`/v1/pipelines/${encodeURIComponent(name)}/versions`, s)).versions.reverse()).poll(10_000)
		this.turn(q)
	}

	get title(): string { return this.name }

	leave(): void { for (const l of [this.current, this.other, this.versions]) l.end() }

	turn(q: URLSearchParams): void {
		this.digest = q.get('digest') ?? ''
		this.against = q.get('against') ?? ''
		this.other.data = undefined
		void this.current.refresh()
		void this.other.refresh()
	}

	private show(change: { digest?: string; against?: string }): void {
		go(`pipelines/${this.name}` + query({ digest: this.digest, against: this.against, ...change }))
	}

	view(): Child {
		const p = this.current.data
		return <div>
			<p class="crumb"><a href="#/pipelines">Pipelines</a> /</p>
			<Head title={this.name} note={p ? <span class="muted meta"><Copy text={p.digest} shown={short(p.digest)} what="digest" /><Labels labels={p.labels} /></span> : null}>
				<a class="button" href={'#/jobs?pipeline=' + this.name}>Its jobs</a></Head>
			{p?.description ? <p class="lead">{p.description}</p> : null}
			<ProblemNote problem={this.current.problem} />
			{!p ? this.current.problem ? null : <Waiting /> : <div class="stack">
				<Card class="flush"><Graph label={`Steps of ${this.name}`} chosen={this.step} pick={(id) => { this.step = this.step === id ? '' : id }}
					steps={p.steps.map((s) => ({ id: s.id, stage: s.stage, needs: s.needs, optional: !s.critical, note: s.max_attempts ? plural(s.max_attempts, 'attempt') + ' at most' : undefined }))} /></Card>
				{this.panel(p)}
				<div class="split">
					<Card title={this.against ? 'What is different' : 'File'} note={this.against ? `${short(this.against)} → ${short(p.digest)}` : undefined}>{this.source(p)}</Card>
					{this.list(p)}
				</div>
			</div>}
		</div>
	}

	private panel(p: Pipeline): Child {
		const s = p.steps.find((o) => o.id === this.step)
		if (!s) return null
		return <Card title={s.id}><Facts rows={[
			['Stage', <a class="mono" href={'#/stages?name=' + encodeURIComponent(s.stage)}>{s.stage}</a>], ['Needs', s.needs?.join(', ')],
			['Attempts', s.max_attempts ? 'at most ' + s.max_attempts : undefined], ['Critical', s.critical ? 'yes' : 'no: a job goes on without it'], ['Taken back', s.irreversible ? 'cannot be' : undefined],
		]} /></Card>
	}

	private source(p: Pipeline): Child {
		if (!this.against) return <pre class="source" tabindex="0">{p.source}</pre>
		const o = this.other.data
		if (!o) return this.other.problem ? <ProblemNote problem={this.other.problem} /> : <Waiting />
		return <div class="diff" tabindex="0" role="table" aria-label="Lines">{diff(o.source, p.source).map((l) =>
			<div class={'line ' + l.kind} role="row"><span class="no" role="cell">{l.before ?? ''}</span><span class="no" role="cell">{l.after ?? ''}</span>
				<code role="cell"><span aria-label={l.kind === 'same' ? null : l.kind}>{l.kind === 'gone' ? '−' : l.kind === 'new' ? '+' : ' '}</span>{l.text || ' '}</code></div>)}</div>
	}

	private list(p: Pipeline): Child {
		const list = this.versions.data ?? []
		return <Card title="Versions" note={list.length ? String(list.length) : undefined}>
			<ProblemNote problem={this.versions.problem} />
			<ol class="versions">{list.map((v) => <li key={v.digest} class={v.digest === p.digest ? 'chosen' : ''} data-version={v.digest}>
				<button type="button" class="link mono" aria-pressed={String(v.digest === p.digest)} onclick={() => this.show({ digest: v.digest, against: '' })}>{short(v.digest)}</button>
				<span class="muted small grow"><Time at={v.applied_at} /></span>
				{v.digest === p.digest ? <span class="muted small">shown</span> : v.digest === this.against
					? <button type="button" class="link small" onclick={() => this.show({ against: '' })}>Stop comparing</button>
					: <button type="button" class="link small" onclick={() => this.show({ digest: p.digest, against: v.digest })}>Compare</button>}</li>)}</ol>
		</Card>
	}
}
