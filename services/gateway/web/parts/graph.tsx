import { h } from '../core/dom'
import { toneOf } from './words'
import { words } from '../core/format'

/** A GraphStep is a box of a graph. */
export interface GraphStep { id: string; stage: string; needs?: string[]; state?: string; note?: string; percent?: number; optional?: boolean }

const box = { width: 172, height: 56, across: 52, down: 18, margin: 12 }

interface Placed { step: GraphStep; x: number; y: number; column: number }

/**
 * layout places steps from left to right: each behind the last of those it needs, and
 * within a column near the middle of them, so that few lines cross.
 */
export function layout(steps: GraphStep[]): { placed: Map<string, Placed>; width: number; height: number } {
	const column = new Map<string, number>()
	const depth = (s: GraphStep, seen = 0): number => {
		const known = column.get(s.id)
		if (known !== undefined || seen > steps.length) return known ?? 0
		const needs = (s.needs ?? []).map((n) => steps.find((o) => o.id === n)).filter((o) => o !== undefined)
		const d = needs.length ? Math.max(...needs.map((o) => depth(o, seen + 1))) + 1 : 0
		column.set(s.id, d)
		return d
	}
	const columns: GraphStep[][] = []
	for (const s of steps) (columns[depth(s)] ??= []).push(s)
	const tallest = Math.max(1, ...columns.map((c) => c.length))
	const placed = new Map<string, Placed>()
	const pitch = box.height + box.down
	columns.forEach((list, i) => {
		const middle = (s: GraphStep) => {
			const ys = (s.needs ?? []).map((n) => placed.get(n)?.y ?? 0)
			return ys.length ? ys.reduce((a, b) => a + b, 0) / ys.length : 0
		}
		const order = i === 0 ? list : [...list].sort((a, b) => middle(a) - middle(b))
		const top = box.margin + (tallest - order.length) * pitch / 2
		order.forEach((step, row) => placed.set(step.id, {
			step, column: i, x: box.margin + i * (box.width + box.across), y: top + row * pitch,
		}))
	})
	return {
		placed,
		width: box.margin * 2 + columns.length * box.width + Math.max(0, columns.length - 1) * box.across,
		height: box.margin * 2 + tallest * box.height + (tallest - 1) * box.down,
	}
}

function line(a: Placed, b: Placed): string {
	const x1 = a.x + box.width, y1 = a.y + box.height / 2, x2 = b.x - 5, y2 = b.y + box.height / 2
	const bend = Math.min(box.across, (x2 - x1) / 2)
	return `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`
}

/** clip keeps a text within its box. */
const clip = (s: string, n: number): string => s.length > n ? s.slice(0, n - 1) + '…' : s

/** Graph draws steps and what they need. A step that is chosen can be told to pick. */
export const Graph = (p: { steps: GraphStep[]; chosen?: string; pick?: (id: string) => void; label: string }) => {
	const { placed, width, height } = layout(p.steps)
	const all = [...placed.values()]
	const lines = all.flatMap((b) => (b.step.needs ?? []).flatMap((n) => {
		const a = placed.get(n)
		return a ? [{ a, b }] : []
	}))
	return <div class="graph" tabindex="0" role="group" aria-label={p.label}>
		<svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
			<g class="lines">{lines.map(({ a, b }) =>
				<path key={a.step.id + '>' + b.step.id} class={'line tone-' + toneOf(a.step.state ?? '')} d={line(a, b)} />)}</g>
			{all.map((n) => <GraphBox n={n} chosen={p.chosen === n.step.id} pick={p.pick} key={n.step.id} />)}
		</svg>
	</div>
}

const GraphBox = (p: { n: Placed; chosen: boolean; pick?: (id: string) => void; key?: string }) => {
	const s = p.n.step
	const pick = p.pick && (() => p.pick!(s.id))
	const said = `${s.id}, ${s.stage}${s.state ? ', ' + words(s.state) : ''}${s.note ? ', ' + s.note : ''}`
	return <g class={`node tone-${s.state ? toneOf(s.state) : 'plain'}${p.chosen ? ' chosen' : ''}${s.optional ? ' optional' : ''}`}
		transform={`translate(${p.n.x} ${p.n.y})`} data-step={s.id} data-state={s.state}
		tabindex={pick ? '0' : null} role={pick ? 'button' : 'img'} aria-label={said} aria-pressed={pick ? String(p.chosen) : null}
		onclick={pick} onkeydown={pick && ((e: KeyboardEvent) => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); pick() } })}>
		<rect class="box" width={box.width} height={box.height} rx="9" />
		<circle class={'dot' + (s.state === 'queued' ? ' pulse' : '')} cx="16" cy="20" r="4.500" />
		<text class="node-id" x="28" y="24.500">{clip(s.id, 18)}</text>
		<text class="node-stage" x="16" y="43">{clip(s.note || s.stage, 25)}</text>
		{s.percent !== undefined ? <rect class="meter-back" x="1" y={box.height - 4} width={box.width - 2} height="3" rx="1.500" /> : null}
		{s.percent !== undefined ? <rect class="meter" x="1" y={box.height - 4} width={Math.max(0, (box.width - 2) * Math.min(100, s.percent) / 100)} height="3" rx="1.500" /> : null}
	</g>
}
