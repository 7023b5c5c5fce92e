import { h, type Child } from '../core/dom'
import { get, maybe } from '../core/http'
import { Load } from '../core/load'
import type { Page } from '../core/router'
import type { Breaker, Consumer, StageShape } from '../core/shapes'
import { count, plural, span } from '../core/format'
import { BreakerList, StageBreakers, troubles } from '../parts/breakers'
import { Card, Empty, Facts, Head, ProblemNote, Waiting } from '../parts/words'

/** Stages is what the mill can do, and what its workers make of what they depend on. */
export class Stages implements Page {
	title = 'Stages'
	private chosen = ''
	private readonly stages = new Load(async (s) => (await get<{ stages: StageShape[] }>('/v1/stages', s)).stages).poll(60_000)
	/** breakers are undefined for who may not see them: those of a single tenant. */
	private readonly breakers = new Load(async (s) => (await maybe<{ breakers: Breaker[] }>('/v1/breakers', s))?.breakers).poll(3000)

	private readonly consumers = new Load((s) => this.readConsumers(s)).poll(3000)
	/** rates are attempts a second, by consumer, and before is what they are made from. */
	private rates = new Map<string, number>()
	private before?: { at: number; delivered: Map<string, number> }

	constructor(q: URLSearchParams) { this.chosen = q.get('name') ?? '' }

	leave(): void {
		this.stages.end()
		this.breakers.end()
		this.consumers.end()
	}

	turn(q: URLSearchParams): void { this.chosen = q.get('name') ?? '' }

	private async readConsumers(s: AbortSignal): Promise<Consumer[]> {
		const list = (await maybe<{ consumers: Consumer[] }>('/v1/consumers', s))?.consumers ?? []
		const now = { at: Date.now(), delivered: new Map(list.map((c) => [c.name, c.delivered])) }
		const { before } = this
		if (before) this.rates = new Map(list.map((c) => [c.name, 1000 * Math.max(0, c.delivered - (before.delivered.get(c.name) ?? c.delivered)) / (now.at - before.at)]))
		this.before = now
		return list
	}

	/** load is what waits for a consumer, and how fast it goes. */
	private load(c: Consumer): Child {
		const rate = this.rates.get(c.name) ?? 0
		const late = c.oldest_seconds > 60 && c.pending > 0
		const busy = c.pending > 0 || c.in_flight > 0
		return <div class="load" data-consumer={c.name}>
			{c.undo ? <p class="small muted">Taking back</p> : null}
			<dl class="stats">
				{stat('Waiting', count(c.pending), late ? 'wait' : c.pending ? 'busy' : '')}
				{stat('In flight', count(c.in_flight), c.in_flight ? 'busy' : '')}
				{stat('A second', !rate ? '0' : rate < 10 ? rate.toFixed(1) : count(rate), rate ? 'busy' : '')}
				{stat('Oldest', busy ? span(1000 * c.oldest_seconds) : '–', late ? 'wait' : '')}
			</dl>
			{c.served ? null : <p class="small"><b class="tone-bad text">Nobody serves it</b></p>}
		</div>
	}

	view(): Child {
		const list = this.stages.data
		return <div>
			<Head title="Stages" note={<span class="muted">{list ? plural(list.length, 'stage') : ''}, and the dependencies that workers have had trouble with</span>} />
			<ProblemNote problem={this.stages.problem} />
			<p class="sr" role="status" data-troubles>{troubles(this.breakers.data ?? [])}</p>
			{this.breakers.data ? <Card title="Breakers" note="what workers have said lately"><BreakerList breakers={this.breakers.data} /></Card> : null}
			{this.conductor()}
			{!list ? <Waiting /> : list.length ? <div class="grid">{list.map((s) => this.stage(s))}</div> : <Empty title="No stages">This gateway knows of none.</Empty>}
		</div>
	}

	/** conductor is what waits for the conductor, when something does. */
	private conductor(): Child {
		const busy = this.consumers.data?.filter((c) => !c.stage && c.name !== 'conductor-timers' && (c.pending || c.in_flight || !c.served)) ?? []
		return busy.length ? <Card title="Conductor" class="below">{busy.map((c) => <div key={c.name}><span class="mono small">{c.name}</span>{this.load(c)}</div>)}</Card> : null
	}

	private stage(s: StageShape): Child {
		const name = `${s.name}@${s.version}`
		return <article class={'card stage' + (name === this.chosen ? ' chosen' : '')} key={name} aria-label={name}>
			<div class="card-head"><h2 class="mono">{s.name}<span class="muted">@{s.version}</span></h2></div>
			<p>{s.summary}</p>
			{this.consumers.data?.filter((c) => c.stage === s.name && (!c.undo || c.pending || c.in_flight)).map((c) => this.load(c))}
			{this.breakers.data ? <StageBreakers stage={s} breakers={this.breakers.data} /> : null}
			<details class="more"><summary>What it takes, gives and promises</summary>
				<Facts rows={[
					['A crash costs', s.guarantee], ['Takes', s.inputs], ['Gives', s.outputs],
					['Always calls', s.needs?.length ? <span class="mono wrap">{s.needs.join(', ')}</span> : undefined],
					['Time limit', s.timeout_ms ? span(s.timeout_ms) : undefined],
					['Findings', Object.entries(s.findings ?? {}).map(([k, v]) => <span class="block"><b class="mono">{k}</b> {v}</span>)],
					['Faults', s.faults?.length ? <span class="mono wrap">{s.faults.join(', ')}</span> : undefined],
				].filter(([, v]) => !Array.isArray(v) || v.length) as [string, Child][]} />
				{s.config ? <details class="more"><summary>Configuration schema</summary><pre tabindex="0">{JSON.stringify(s.config, null, 2)}</pre></details> : null}
			</details>
		</article>
	}
}

/** stat is a number and its name, quiet while there is nothing. */
const stat = (name: string, value: string, tone: string): Child =>
	<div><dt>{name}</dt><dd class={'num ' + (tone ? `tone-${tone} text` : 'muted')}>{value}</dd></div>
