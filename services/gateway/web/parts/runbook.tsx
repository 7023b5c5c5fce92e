import { h, type Child } from '../core/dom'
import { get } from '../core/http'
import { Load } from '../core/load'
import type { FaultInfo } from '../core/shapes'
import { words } from '../core/format'
import { Card, Copy, ProblemNote, Waiting } from './words'

/** Runbook is what a fault's code means, what is done about it by itself, and what a person can do. */
export class Runbook {
	private readonly info: Load<FaultInfo>

	constructor(readonly code: string) {
		this.info = new Load((s) => get<FaultInfo>('/v1/faults/' + encodeURIComponent(code), s))
		void this.info.refresh()
	}

	end(): void { this.info.end() }

	view(): Child {
		const i = this.info.data
		return <Card title={this.code} class="runbook-card" note={i ? words(i.class) : undefined}>
			<ProblemNote problem={this.info.problem} />
			{!i ? this.info.problem ? null : <Waiting /> : <div data-runbook={i.code}>
				<p class="lead-in">{i.text.replace(/^./, (c) => c.toUpperCase())}. <b>{i.hint}</b></p>
				<p class="muted">{i.policy}</p>
				<h3>Runbook</h3>
				<ol class="runbook">{i.runbook.map((s) => <li key={s.command}><span class="do">{s.do}</span>
					<Copy text={s.command} what="command" /></li>)}</ol>
				<p class="small"><a href={'#/jobs?fault=' + encodeURIComponent(i.code)}>Jobs that have it now</a></p>
			</div>}
		</Card>
	}
}
