import { h } from '../core/dom'
import { toneOf } from './words'
import { words } from '../core/format'

/** A GraphStep is a box of a graph. */
export interface GraphStep { id: string; stage: string; needs?: string[]; state?: string; note?: string; percent?: number; optional?: boolean }

const box = { width: 164, height: 56, across: 44, gap: 18, pass: 10, margin: 12 }

/** A Place is where a box lies, or with no step a line on its way past a column. */
interface Place { step?: GraphStep; column: number; from: string[]; x: number; y: number; height: number }

/** A Drawing is where everything lies. Lines are the places that each passes. */
interface Drawing { placed: Place[]; lines: { key: string; state?: string; through: Place[] }[]; width: number; height: number }

/** depths are the columns of steps: each behind the last of those that it needs. */
function depths(steps: GraphStep[]): Map<string, number> {
	const column = new Map<string, number>()
	const depth = (s: GraphStep, seen: number): number => {
		const known = column.get(s.id)
		if (known !== undefined || seen > steps.length) return known ?? 0
		const needs = (s.needs ?? []).flatMap((n) => steps.find((o) => o.id === n) ?? [])
		const d = needs.length ? Math.max(...needs.map((o) => depth(o, seen + 1))) + 1 : 0
		column.set(s.id, d)
		return d
	}
	for (const s of steps) depth(s, 0)
	return column
}

/**
 * layout places steps from left to right. A line that passes a column has a place of
 * its own there, so that it runs between the boxes. Within a column everything lies
 * near the middle of what it comes from, so that few lines cross.
 */
export function layout(steps: GraphStep[]): Drawing {
	const column = depths(steps)
	const at = new Map<string, Place>()
	const columns: Place[][] = []
	const put = (key: string, p: Place) => {
		at.set(key, p);
		(columns[p.column] ??= []).push(p)
	}
	const lines: { key: string; state?: string; keys: string[] }[] = []
	for (const s of steps) put(s.id, { step: s, column: column.get(s.id)!, from: [], x: 0, y: 0, height: box.height })
	for (const s of steps) {
		for (const need of s.needs ?? []) {
			const source = at.get(need)
			if (!source) continue
			const keys = [need]
			for (let c = source.column + 1; c < column.get(s.id)!; c++) {
				const key = `${need}>${s.id}@${c}`
				put(key, { column: c, from: [keys[keys.length - 1]!], x: 0, y: 0, height: box.pass })
				keys.push(key)
			}
			at.get(s.id)!.from.push(keys[keys.length - 1]!)
			lines.push({ key: need + '>' + s.id, state: source.step!.state, keys: [...keys, s.id] })
		}
	}
	const tall = (list: Place[]) => list.reduce((sum, p) => sum + p.height, 0) + (list.length - 1) * box.gap
	const height = Math.max(box.height, ...columns.map(tall))
	columns.forEach((list, i) => {
		const middle = (p: Place) => p.from.reduce((sum, f) => sum + at.get(f)!.y, 0) / (p.from.length || 1)
		let top = box.margin + (height - tall(list)) / 2
		for (const p of [...list].sort((a, b) => middle(a) - middle(b))) {
			p.x = box.margin + i * (box.width + box.across)
			p.y = top + p.height / 2
			top += p.height + box.gap
		}
	})
	return {
		placed: [...at.values()].filter((p) => p.step), height: height + 2 * box.margin,
		lines: lines.map((l) => ({ ...l, through: l.keys.map((k) => at.get(k)!) })),
		width: 2 * box.margin + columns.length * box.width + Math.max(0, columns.length - 1) * box.across,
	}
}

/** line is the path of a line through its places. */
function line(through: Place[]): string {
	let path = ''
	through.forEach((p, i) => {
		const before = through[i - 1]
		if (!before) return
		const x1 = before.x + box.width, x2 = p.x - (p.step ? 5 : 0), bend = (x2 - x1) / 2
		path += `${path ? 'L' : 'M'}${x1} ${before.y} C${x1 + bend} ${before.y} ${x2 - bend} ${p.y} ${x2} ${p.y} `
	})
	return path
}

/** clip keeps a text within its box. */
const clip = (s: string, n: number): string => s.length > n ? s.slice(0, n - 1) + '…' : s

/** Graph draws steps and what they need. A step that is chosen can be told to pick. */
export const Graph = (p: { steps: GraphStep[]; chosen?: string; pick?: (id: string) => void; label: string }) => {
	const { placed, lines, width, height } = layout(p.steps)
	return <div class="graph" tabindex="0" role="group" aria-label={p.label}>
		<svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
			<g class="lines">{lines.map((l) => <path key={l.key} class={'line tone-' + toneOf(l.state ?? '')} d={line(l.through)} />)}</g>
			{placed.map((n) => <GraphBox n={n} step={n.step!} chosen={p.chosen === n.step!.id} pick={p.pick} key={n.step!.id} />)}
		</svg>
	</div>
}

const GraphBox = (p: { n: Place; step: GraphStep; chosen: boolean; pick?: (id: string) => void; key?: string }) => {
	const s = p.step
	const pick = p.pick && (() => p.pick!(s.id))
	const said = `${s.id}, ${s.stage}${s.state ? ', ' + words(s.state) : ''}${s.note ? ', ' + s.note : ''}`
	return <g class={`node tone-${s.state ? toneOf(s.state) : 'plain'}${p.chosen ? ' chosen' : ''}${s.optional ? ' optional' : ''}`}
		transform={`translate(${p.n.x} ${p.n.y - box.height / 2})`} data-step={s.id} data-state={s.state}
		tabindex={pick ? '0' : null} role={pick ? 'button' : 'img'} aria-label={said} aria-pressed={pick ? String(p.chosen) : null}
		onclick={pick} onkeydown={pick && ((e: KeyboardEvent) => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); pick() } })}>
		<rect class="box" width={box.width} height={box.height} rx="9" />
		<circle class={'dot' + (s.state === 'queued' ? ' pulse' : '')} cx="16" cy="20" r="4.500" />
		<text class="node-id" x="28" y="24.500">{clip(s.id, 17)}</text>
		<text class="node-stage" x="16" y="43">{clip(s.note || s.stage, 24)}</text>
		{s.percent !== undefined ? <rect class="meter-back" x="1" y={box.height - 4} width={box.width - 2} height="3" rx="1.500" /> : null}
		{s.percent !== undefined ? <rect class="meter" x="1" y={box.height - 4} width={Math.max(0, (box.width - 2) * Math.min(100, s.percent) / 100)} height="3" rx="1.500" /> : null}
	</g>
}
