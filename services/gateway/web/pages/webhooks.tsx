import { h, type Child } from '../core/dom'
import { get, query } from '../core/http'
import { Load } from '../core/load'
import type { Page } from '../core/router'
import type { Delivery, Webhook } from '../core/shapes'
import { count, plural, span } from '../core/format'
import { Badge, Empty, Facts, Head, ProblemNote, Time, Waiting } from '../parts/words'

/** Webhooks lists where events are sent, how far that is, and what was answered. */
export class Webhooks implements Page {
	title = 'Webhooks'
	private readonly list = new Load(async (s) => (await get<{ webhooks: Webhook[] }>('/v1/webhooks', s)).webhooks ?? []).poll(5000)
	private readonly logs = new Map<string, Load<Delivery[]>>()

	leave(): void { for (const l of [this.list, ...this.logs.values()]) l.end() }

	view(): Child {
		const list = this.list.data
		return <div class="narrow">
			<Head title="Webhooks" note={<span class="muted">Where events are sent to, signed</span>} />
			<ProblemNote problem={this.list.problem} />
			{!list ? this.list.problem ? null : <Waiting /> : list.length ? <ul class="rows">{list.map((w) => this.row(w))}</ul>
				: <Empty title="No webhooks"><code>millrace webhook create URL</code> makes one; its secret is shown there, one time.</Empty>}
		</div>
	}

	private row(w: Webhook): Child {
		const s = w.status ?? {}
		return <li class="row" key={w.id} data-webhook={w.id}>
			<div class="row-head"><Badge state={!w.enabled ? 'disabled' : s.failures ? 'failing' : 'enabled'} />
				<span class="mono strong wrap grow url">{w.url}</span><span class="muted small">made <Time at={w.created_at} /></span></div>
			<div class="inside">
				{w.description ? <p>{w.description}</p> : null}
				<Facts rows={[
					['Off because', w.reason], ['Types', <span class="mono">{w.types.join(', ')}</span>], ['Pipelines', w.pipelines.join(', ') || 'all'],
					['Signed', w.scheme === 'v1a' ? 'v1a, with a pair of keys' : 'v1, with a shared secret'],
					['Waiting', s.waiting ? `events of ${plural(s.waiting, 'job')}` : 'nothing'],
					['Failing', s.failures ? <span>{plural(s.failures, 'attempt')} in a row{s.failing_since ? <span>, since <Time at={s.failing_since} /></span> : null}</span> : undefined],
					['Looked at', s.position ? `up to record ${count(s.position)}` : undefined],
				]} />
				<details class="more" ontoggle={(e: any) => this.look(w.id, e.target.open)}><summary>Deliveries</summary>{this.log(w.id)}</details>
			</div>
		</li>
	}

	private look(id: string, open: boolean): void {
		this.logs.get(id)?.end()
		this.logs.delete(id)
		if (open) this.logs.set(id, new Load(async (s) => (await get<{ deliveries: Delivery[] }>('/v1/deliveries' + query({ webhook: id, limit: '20' }), s)).deliveries).poll(5000))
	}

	/** log is what was sent lately and what was answered, the newest first. */
	private log(id: string): Child {
		const load = this.logs.get(id)
		if (!load) return null
		if (!load.data) return load.problem ? <ProblemNote problem={load.problem} /> : <Waiting />
		if (!load.data.length) return <p class="muted small">Nothing was sent yet.</p>
		return <ul class="deliveries">{load.data.map((d) => <li key={d.id} data-delivery={d.id}>
			<Badge state={d.outcome} /><span class="grow"><span class="mono small">{d.type}</span> <a class="small" href={'#/jobs/' + d.job}>its job</a>
				{d.code || d.status ? <span class="block muted small wrap">{[d.status ? 'answered ' + d.status : '', d.code, d.detail].filter(Boolean).join(' · ')}</span> : null}</span>
			<span class="muted small right"><span class="block"><Time at={d.time} /></span>
				<span class="block">attempt {d.attempt}, {span(d.ms)}</span>
				{d.next_at ? <span class="block">again <Time at={d.next_at} /></span> : null}</span></li>)}</ul>
	}
}
