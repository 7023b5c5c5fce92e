import { h, type Child } from '../core/dom'
import { get } from '../core/http'
import { Load } from '../core/load'
import type { Page } from '../core/router'
import type { PipelineEntry } from '../core/shapes'
import { short } from '../core/format'
import { Empty, Head, ProblemNote, Time, Waiting } from '../parts/words'

/** Pipelines lists the pipelines. */
export class Pipelines implements Page {
	title = 'Pipelines'
	private readonly list = new Load(async (s) => (await get<{ pipelines: PipelineEntry[] }>('/v1/pipelines', s)).pipelines).poll(10_000)

	leave(): void { this.list.end() }

	view(): Child {
		const list = this.list.data
		return <div>
			<Head title="Pipelines" note={<span class="muted">A job keeps to the version that it was given at the start</span>} />
			<ProblemNote problem={this.list.problem} />
			{!list ? this.list.problem ? null : <Waiting /> : list.length ? <div class="grid">{list.map((p) =>
				<article class="card link-card" key={p.name} data-pipeline={p.name}>
					<div class="card-head"><h2><a class="stretch" href={'#/pipelines/' + p.name}>{p.name}</a></h2></div>
					<p class={p.description ? '' : 'muted'}>{p.description ?? 'Nothing is said about it.'}</p>
					<p class="muted small"><span class="mono">{short(p.digest)}</span> · applied <Time at={p.applied_at} /></p>
				</article>)}</div>
				: <Empty title="No pipelines"><code>millrace pipeline apply FILE</code> makes one of a file.</Empty>}
		</div>
	}
}
