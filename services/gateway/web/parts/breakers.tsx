import { h, type Child } from '../core/dom'
import type { Breaker, StageShape } from '../core/shapes'
import { plural, words } from '../core/format'
import { Badge, Time } from './words'

/** BreakerList is what workers have said of dependencies lately. */
export const BreakerList = (p: { breakers: Breaker[] }) => p.breakers.length ? <ul class="breakers">{p.breakers.map((b) =>
	<li key={b.worker + b.dependency} data-state={b.state}><Badge state={b.state} /><span class="mono strong wrap">{b.dependency}</span>
		<span class="muted small grow">{b.reason ?? ''}{b.failures ? ` · ${plural(b.failures, 'failure')}` : ''}</span>
		<Span breaker={b} />
		<span class="muted small mono ellipsis" title={b.worker}>{b.worker}</span></li>)}</ul>
	: <p class="muted quiet-line">All dependencies answer.</p>

/**
 * StageBreakers is where the breakers of a stage stand, on its card: those that are not
 * closed, one for each dependency. A stage that calls nothing with a breaker has none.
 */
export const StageBreakers = (p: { stage: StageShape; breakers: Breaker[] }) => {
	const own = p.breakers.filter((b) => b.stages?.includes(p.stage.name))
	const troubled = [...new Set(own.filter(isTroubled).map((b) => b.dependency))]
	if (!own.length && !p.stage.needs?.length && !p.stage.faults?.includes('breaker.open')) return null
	if (!troubled.length) return <p class="guard" data-breaker="closed"><span class="muted">Breaker</span><Badge state="closed" /><span class="muted small">no trouble with what it calls</span></p>
	return <ul class="guards" aria-label="Breakers">{troubled.map((d) => guard(d, own.filter((b) => b.dependency === d)))}</ul>
}

/** guard is one dependency, by the worker that has most trouble with it. */
function guard(dependency: string, said: Breaker[]): Child {
	const bad = said.filter(isTroubled)
	const b = bad.find((one) => one.state === 'open') ?? bad[0]!
	return <li key={dependency} class={'guard tone-' + (b.state === 'open' ? 'bad' : 'wait')} data-breaker={b.state}>
		<span class="muted">Breaker</span><Badge state={b.state} /><span class="mono strong wrap">{dependency}</span>
		<span class="block small muted"><Span breaker={b} />{b.reason ? <span> · <a class="mono" href={'#/failures?code=' + encodeURIComponent(b.reason)}>{b.reason}</a></span> : null}
			{bad.length > 1 ? ` · ${plural(bad.length, 'worker')}` : ''}</span>
	</li>
}

/** Span is since when a breaker stands as it does, and until when. */
const Span = (p: { breaker: Breaker }) =>
	<span class="muted small">since <Time at={p.breaker.since} />{p.breaker.until ? <span>, tried again <Time at={p.breaker.until} /></span> : null}</span>

/** troubles is what somebody hears who does not see the cards. */
export function troubles(breakers: Breaker[]): string {
	const said = breakers.filter(isTroubled).map((b) => `${b.dependency} ${words(b.state)}${b.stages?.length ? ' for ' + b.stages.join(', ') : ''}`)
	return said.length ? 'Breakers: ' + [...new Set(said)].join('; ') : ''
}

const isTroubled = (b: Breaker): boolean => b.state !== 'closed'
