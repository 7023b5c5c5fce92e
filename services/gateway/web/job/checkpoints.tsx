import { h, type Child } from '../core/dom'
import { get, maybe } from '../core/http'
import { Load } from '../core/load'
import type { Checkpoint } from '../core/shapes'
import { bytes, clock, words } from '../core/format'
import { Badge, Facts, FaultNote, ProblemNote, Time, Waiting } from '../parts/words'

/** Saves are the checkpoints of a step that are kept. Each is read in full when it is opened. */
export class Saves {
	readonly list: Load<Checkpoint[]>
	private readonly opened = new Map<number, Load<Checkpoint>>()
	private readonly path: string

	constructor(job: string, step: string) {
		this.path = `/v1/jobs/${job}/steps/${encodeURIComponent(step)}/checkpoints`
		this.list = new Load(async (s) => (await maybe<{ checkpoints: Checkpoint[] }>(this.path, s))?.checkpoints ?? [])
		void this.list.refresh()
	}

	end(): void { for (const l of [this.list, ...this.opened.values()]) l.end() }

	private look(position: number, open: boolean): void {
		if (!open || this.opened.has(position)) return
		const load = new Load((s) => get<Checkpoint>(`${this.path}/${position}`, s))
		this.opened.set(position, load)
		void load.refresh()
	}

	/** view is the list, the newest first; nothing when there are none. */
	view(): Child {
		const list = this.list.data ?? []
		if (!list.length) return null
		return <div><h3>Checkpoints <i>the newest {list.length}, as they are kept</i></h3>
			<ol class="saves" reversed>{[...list].reverse().map((c) => <li key={c.position} data-checkpoint={c.position}>
				<details class="more" ontoggle={(e: any) => this.look(c.position, e.target.open)}>
					<summary><b class="num">{c.damage ? '!' : c.number ? '#' + c.number : 'start'}</b>
						<span class="num">{place(c)}</span>
						<span class="grow muted small">{c.damage ? 'damaged' : c.kind === 'claim' ? `attempt ${c.attempt} ${words(c.decision ?? 'began')}` : c.kind === 'closed' ? 'closed' : `saved by attempt ${c.attempt}`}</span>
						<span class="muted small"><Time at={c.time} /></span></summary>
					{this.one(c)}</details></li>)}</ol></div>
	}

	/** one is all that is known of a checkpoint, down to the state that the stage has saved. */
	private one(c: Checkpoint): Child {
		const full = this.opened.get(c.position)
		return <div class="inside">
			<Facts rows={[
				['Kind', c.kind ? <Badge state={c.kind} /> : undefined], ['Damage', c.damage], ['Place', place(c)],
				['Written', <span>{clock(c.time, true)}{c.worker ? <span class="muted"> by <span class="mono">{c.worker}</span></span> : null}</span>],
				['Stage', c.stage ? <span class="mono">{c.stage}{c.logic ? <span class="muted"> logic {c.logic}</span> : null}</span> : undefined],
				['Why', c.reason], ['Unfinished', c.outputs?.length ? <span class="mono wrap">{c.outputs.join(', ')}</span> : undefined],
				['Position', <span class="mono">{c.position}</span>],
			]} />
			{c.cause ? <FaultNote fault={c.cause} /> : null}
			<ProblemNote problem={full?.problem} />
			{full?.data ? full.data.state ? <pre tabindex="0" aria-label="State of the stage">{JSON.stringify(full.data.state, null, 2)}</pre>
				: <p class="muted small">The stage has saved no state in it.</p> : full && !full.problem ? <Waiting /> : null}
		</div>
	}
}

/** place says how far the work was. */
function place(c: Checkpoint): string {
	if (c.done === undefined) return c.damage ? '' : 'the start'
	return bytes(c.done) + (c.total ? ` of ${bytes(c.total)}, ${c.percent ?? 0} %` : '')
}
