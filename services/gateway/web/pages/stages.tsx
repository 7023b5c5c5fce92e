import { h, type Child } from '../core/dom'
import { get, maybe } from '../core/http'
import { Load } from '../core/load'
import type { Page } from '../core/router'
import type { Breaker, StageShape } from '../core/shapes'
import { plural, span } from '../core/format'
import { Badge, Card, Empty, Facts, Head, ProblemNote, Time, Waiting } from '../parts/words'

/** Stages is what the mill can do, and what its workers make of what they depend on. */
export class Stages implements Page {
	title = 'Stages'
	private chosen = ''
	private readonly stages = new Load(async (s) => (await get<{ stages: StageShape[] }>('/v1/stages', s)).stages).poll(60_000)
	private readonly breakers = new Load(async (s) => (await maybe<{ breakers: Breaker[] }>('/v1/breakers', s))?.breakers ?? []).poll(3000)

	constructor(q: URLSearchParams) { this.chosen = q.get('name') ?? '' }

	leave(): void {
		this.stages.end()
		this.breakers.end()
	}

	turn(q: URLSearchParams): void { this.chosen = q.get('name') ?? '' }

	view(): Child {
		const list = this.stages.data
		return <div>
			<Head title="Stages" note={<span class="muted">{list ? plural(list.length, 'stage') : ''}, and the dependencies that workers have had trouble with</span>} />
			<ProblemNote problem={this.stages.problem} />
			<Card title="Breakers" note="what workers have said lately">{this.breakers.data?.length ? <ul class="breakers">{this.breakers.data.map((b) =>
				<li key={b.worker + b.dependency} data-state={b.state}><Badge state={b.state} /><span class="mono strong wrap">{b.dependency}</span>
					<span class="muted small grow">{b.reason ?? ''}{b.failures ? ` · ${plural(b.failures, 'failure')}` : ''}</span>
					<span class="muted small">since <Time at={b.since} />{b.until ? <span>, tried again <Time at={b.until} /></span> : null}</span>
					<span class="muted small mono ellipsis" title={b.worker}>{b.worker}</span></li>)}</ul>
				: <p class="muted quiet-line">All dependencies answer.</p>}</Card>
			{!list ? <Waiting /> : list.length ? <div class="grid">{list.map((s) => this.stage(s))}</div> : <Empty title="No stages">This gateway knows of none.</Empty>}
		</div>
	}

	private stage(s: StageShape): Child {
		const name = `${s.name}@${s.version}`
		return <article class={'card stage' + (name === this.chosen ? ' chosen' : '')} key={name} aria-label={name}>
			<div class="card-head"><h2 class="mono">{s.name}<span class="muted">@{s.version}</span></h2></div>
			<p>{s.summary}</p>
			<details class="more"><summary>What it takes, gives and promises</summary>
				<Facts rows={[
					['A crash costs', s.guarantee], ['Takes', s.inputs], ['Gives', s.outputs],
					['Time limit', s.timeout_ms ? span(s.timeout_ms) : undefined],
					['Findings', Object.entries(s.findings ?? {}).map(([k, v]) => <span class="block"><b class="mono">{k}</b> {v}</span>)],
					['Faults', s.faults?.length ? <span class="mono wrap">{s.faults.join(', ')}</span> : undefined],
				].filter(([, v]) => !Array.isArray(v) || v.length) as [string, Child][]} />
				{s.config ? <details class="more"><summary>Configuration schema</summary><pre tabindex="0">{JSON.stringify(s.config, null, 2)}</pre></details> : null}
			</details>
		</article>
	}
}
