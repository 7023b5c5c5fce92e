import { h, type Child } from '../core/dom'
import { get } from '../core/http'
import { Load } from '../core/load'
import type { Page } from '../core/router'
import type { DecisionPage } from '../core/shapes'
import { DecisionCard } from '../job/decide'
import { Empty, Head, ProblemNote, Waiting } from '../parts/words'

/** Decisions is what people are asked. */
export class Decisions implements Page {
	title = 'Decisions'
	private readonly list = new Load((s) => get<DecisionPage>('/v1/decisions?running=true&limit=200', s)).poll(3000)

	leave(): void { this.list.end() }

	view(): Child {
		const d = this.list.data
		return <div class="narrow">
			<Head title="Decisions" note={<span class="muted">What only a person can tell. Whoever answers first has decided.</span>} />
			<ProblemNote problem={this.list.problem} />
			{!d ? this.list.problem ? null : <Waiting /> : d.decisions.length
				? d.decisions.map((o) => <DecisionCard key={o.id} decision={o} elsewhere done={() => void this.list.refresh()} />)
				: <Empty title="Nothing to decide">When a step cannot go on without a person, it is asked here.</Empty>}
			{d?.next_cursor ? <p class="muted small">There are more, of older jobs: <code>millrace decision list</code>.</p> : null}
		</div>
	}
}
