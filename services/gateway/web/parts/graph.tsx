import { h, redraw } from '../core/dom'
import { toneOf } from './words'
import { words } from '../core/format'
import { layout, path, type GraphStep, type Place, type Size } from './layout'

const narrow = matchMedia('(max-width: 760px)')
narrow.addEventListener('change', redraw)

/** clip keeps a text within its box. */
const clip = (s: string, n: number): string => s.length > n ? s.slice(0, n - 1) + '…' : s

/** Graph draws steps and what they need, downwards where there is little room. A step that is chosen can be told to pick. */
export const Graph = (p: { steps: GraphStep[]; chosen?: string; pick?: (id: string) => void; label: string }) => {
	const { size, placed, lines, width, height } = layout(p.steps, narrow.matches)
	return <div class="graph" tabindex="0" role="group" aria-label={p.label}>
		<svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
			<g class="lines">{lines.map((l) => <path key={l.key} class={'line tone-' + toneOf(l.state ?? '')} d={path(l.through, size, narrow.matches)} />)}</g>
			{placed.map((n) => <GraphBox n={n} size={size} step={n.step!} chosen={p.chosen === n.step!.id} pick={p.pick} key={n.step!.id} />)}
		</svg>
	</div>
}

const GraphBox = (p: { n: Place; size: Size; step: GraphStep; chosen: boolean; pick?: (id: string) => void; key?: string }) => {
	const { step: s, size } = p
	const fits = (each: number) => Math.floor((size.width - 24) / each)
	const pick = p.pick && (() => p.pick!(s.id))
	const said = [s.id, s.stage, s.state && words(s.state), s.note].filter(Boolean).join(', ')
	return <g class={`node tone-${s.state ? toneOf(s.state) : 'plain'}${p.chosen ? ' chosen' : ''}${s.optional ? ' optional' : ''}`}
		transform={`translate(${p.n.x} ${p.n.y})`} data-step={s.id} data-state={s.state}
		tabindex={pick ? '0' : null} role={pick ? 'button' : 'img'} aria-label={said} aria-pressed={pick ? String(p.chosen) : null}
		onclick={pick} onkeydown={pick && ((e: KeyboardEvent) => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); pick() } })}>
		<title>{said}</title>
		<rect class="box" width={size.width} height={size.height} rx="9" />
		<circle class={'dot' + (s.state === 'queued' ? ' pulse' : '')} cx="16" cy="19" r="4.500" />
		<text class="node-id" x="28" y="23.500">{clip(s.id, fits(8.6))}</text>
		<text class="node-stage" x="14" y="42">{clip(s.stage, fits(6.8))}</text>
		<text class="node-note" x="14" y="59">{clip(s.note ?? (s.state ? words(s.state) : ''), fits(6.3))}</text>
		{s.percent !== undefined ? <rect class="meter-back" x="1" y={size.height - 4} width={size.width - 2} height="3" rx="1.500" /> : null}
		{s.percent !== undefined ? <rect class="meter" x="1" y={size.height - 4} width={Math.max(0, (size.width - 2) * Math.min(100, s.percent) / 100)} height="3" rx="1.500" /> : null}
	</g>
}
