import { h, type Child } from '../core/dom'
import { clock } from '../core/format'

/** A Bar is one span of time: parts that are stacked, each with its tone. */
export interface Bar { at: string; parts: { tone: string; name: string; value: number; note?: string }[] }

/** Bars draws spans of time beside each other. Those who do not see it are read the table. */
export const Bars = (p: { bars: Bar[]; label: string; show: (n: number) => string }): Child => {
	const most = Math.max(1, ...p.bars.map((b) => b.parts.reduce((a, o) => a + o.value, 0)))
	const height = 96, gap = 2
	const width = Math.max(4, Math.min(22, 720 / Math.max(1, p.bars.length) - gap))
	const wide = p.bars.length * (width + gap)
	return <figure class="bars">
		<svg viewBox={`0 0 ${wide} ${height}`} preserveAspectRatio="none" aria-hidden="true">{p.bars.map((b, i) => {
			let y = height
			return <g key={b.at}><title>{clock(b.at) + '\n' + b.parts.map((o) => `${o.name}: ${p.show(o.value)}${o.note ? ', ' + o.note : ''}`).join('\n')}</title>
				<rect class="bar-back" x={i * (width + gap)} y="0" width={width} height={height} />
				{b.parts.filter((o) => o.value > 0).map((o) => {
					const tall = Math.max(1.5, height * o.value / most)
					y -= tall
					return <rect key={o.name} class={'bar tone-' + o.tone} x={i * (width + gap)} y={y} width={width} height={tall} />
				})}</g>
		})}</svg>
		<ul class="legend" aria-hidden="true">{(p.bars[0]?.parts ?? []).map((o) => <li key={o.name} class={'tone-' + o.tone}><i class="dot" />{o.name}</li>)}</ul>
		<div class="sr"><table><caption>{p.label}</caption>
			<thead><tr><th scope="col">Time</th>{(p.bars[0]?.parts ?? []).map((o) => <th scope="col" key={o.name}>{o.name}</th>)}</tr></thead>
			<tbody>{p.bars.filter((b) => b.parts.some((o) => o.value > 0)).map((b) => <tr key={b.at}><th scope="row">{clock(b.at)}</th>
				{b.parts.map((o) => <td key={o.name}>{p.show(o.value)}{o.note ? ', ' + o.note : ''}</td>)}</tr>)}</tbody></table></div>
		<figcaption><span>{p.bars[0] ? clock(p.bars[0].at) : ''}</span><span class="muted">most {p.show(most)}</span><span>{p.bars.length ? clock(p.bars[p.bars.length - 1]!.at) : ''}</span></figcaption>
	</figure>
}
