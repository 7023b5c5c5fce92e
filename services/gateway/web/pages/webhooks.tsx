import { h, type Child } from '../core/dom'
import { get } from '../core/http'
import { Load } from '../core/load'
import type { Page } from '../core/router'
import type { Webhook } from '../core/shapes'
import { Badge, Empty, Facts, Head, ProblemNote, Time, Waiting } from '../parts/words'

/** Webhooks lists where events are sent. */
export class Webhooks implements Page {
	title = 'Webhooks'
	private readonly list = new Load(async (s) => (await get<{ webhooks: Webhook[] }>('/v1/webhooks', s)).webhooks ?? []).poll(5000)

	leave(): void { this.list.end() }

	view(): Child {
		const list = this.list.data
		return <div class="narrow">
			<Head title="Webhooks" note={<span class="muted">Where events are sent to, signed</span>} />
			<ProblemNote problem={this.list.problem} />
			{!list ? this.list.problem ? null : <Waiting /> : list.length ? <ul class="rows">{list.map((w) => <li class="row" key={w.id}>
				<div class="row-head"><Badge state={w.enabled ? 'enabled' : 'disabled'} /><span class="mono strong wrap grow">{w.url}</span><span class="muted small"><Time at={w.created_at} /></span></div>
				<div class="inside"><Facts rows={[['For', w.description], ['Types', w.types.join(', ')], ['Pipelines', w.pipelines.join(', ') || 'all'], ['Signed', w.scheme], ['Off because', w.reason],
					...Object.entries(w.status ?? {}).filter(([, v]) => ['string', 'number', 'boolean'].includes(typeof v)).map(([k, v]): [string, Child] => [k.replace(/_/g, ' '), String(v)])]} /></div>
			</li>)}</ul> : <Empty title="No webhooks"><code>millrace webhook create URL</code> makes one; its secret is shown there, one time.</Empty>}
		</div>
	}
}
