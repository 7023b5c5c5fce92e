import './style/main.css'
import { h, mount, redraw, type Child } from './core/dom'
import { get, maybe } from './core/http'
import { Load } from './core/load'
import { again, onAgain, page, place, route } from './core/router'
import { session } from './core/session'
import type { DeadLetterPage, DecisionPage, Who } from './core/shapes'
import { Icon, Mark } from './parts/icons'
import { DialogHost } from './parts/dialog'
import { Empty, Head } from './parts/words'
import { Audit } from './pages/audit'
import { DeadLetters } from './pages/deadletters'
import { Decisions } from './pages/decisions'
import { Failures } from './pages/failures'
import { JobPage } from './pages/job'
import { Jobs } from './pages/jobs'
import { Login } from './pages/login'
import { PipelinePage } from './pages/pipeline'
import { Pipelines } from './pages/pipelines'
import { Stages } from './pages/stages'
import { Webhooks } from './pages/webhooks'
import { catchDrops, DropSign } from './submit/drop'
import { Tray } from './submit/tray'
import { nextTheme, theme, wear } from './theme'

const places: [string, string][] = [
	['jobs', 'Jobs'], ['decisions', 'Decisions'], ['deadletters', 'Dead letters'], ['failures', 'Failures'],
	['pipelines', 'Pipelines'], ['stages', 'Stages'], ['webhooks', 'Webhooks'],
]

/** shown are the places that whoever is here may see. */
const shown = (): [string, string][] => who.data?.scopes?.includes('admin') ? [...places, ['audit', 'Audit']] : places

/** waiting is what waits for somebody; it also tells whether the gateway is there. */
const waiting = new Load(async (s) => {
	const [decisions, letters] = await Promise.all([
		maybe<DecisionPage>('/v1/decisions?limit=100', s), maybe<DeadLetterPage>('/v1/deadletters?state=open&limit=100', s),
	])
	return { decisions: some(decisions?.decisions, decisions), deadletters: some(letters?.deadletters, letters) } as Record<string, string>
})
const who = new Load((s) => maybe<Who>('/v1/whoami', s))
const version = new Load((s) => get<{ version: string }>('/version', s))

function some(list: unknown[] | undefined, page: { next_cursor?: string } | undefined): string {
	return list?.length ? list.length + (page?.next_cursor ? '+' : '') : ''
}

const App = (): Child => {
	if (session.refused) return <div class="outer"><Login /></div>
	const p = page()
	document.title = p ? p.title + ' · Millrace' : 'Millrace'
	return <div class="outer">
		<a class="skip" href="#main" onclick={(e: Event) => { e.preventDefault(); document.querySelector<HTMLElement>('main')?.focus() }}>Skip to the page</a>
		<Side />
		<main id="main" tabindex="-1" key={place()} created={arrive}>{p?.view()}</main>
		<Tray /><DropSign /><DialogHost />
	</div>
}

const Side = (): Child => {
	const down = waiting.problem && waiting.problem.status === 0
	const t = theme()
	return <aside class="side">
		<a class="brand" href="#/jobs"><Mark /><span>Millrace</span></a>
		<nav aria-label="Pages">{shown().map(([name, said]) => <a key={name} href={'#/' + name} aria-current={place().split('/')[0] === name ? 'page' : null}>
			<Icon name={name} /><span>{said}</span>{waiting.data?.[name] ? <b class="pill num">{waiting.data[name]}<span class="sr"> waiting</span></b> : null}</a>)}</nav>
		<p class="sr" role="status" data-waits>{waits()}</p>
		<div class="side-foot">
			<span class={'state ' + (down ? 'tone-bad' : 'tone-good')} role="status"><i class="dot" />{down ? 'No answer' : 'Connected'}</span>
			<span class="muted small ellipsis version" title={`Version ${version.data?.version ?? ''}`}>{whose()}</span>
			<span class="side-do">
				<button type="button" class="icon-button" aria-label={`Theme: ${t}. Change it`} title={`Theme: ${t}`} onclick={() => wear(nextTheme())}>
					<Icon name={t === 'dark' ? 'moon' : t === 'light' ? 'sun' : 'auto'} /></button>
				{session.token ? <button type="button" class="icon-button" aria-label="Sign out" title="Sign out" onclick={() => { session.end(); again() }}><Icon name="out" /></button> : null}
			</span>
		</div>
	</aside>
}

/** arrive tells who listens where they are now, and shows the place in a row of pages that is too long. */
function arrive(el: HTMLElement): void {
	el.focus({ preventScroll: true })
	document.querySelector('nav [aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' })
}

/** waits is read to those who do not see the numbers beside the pages change. */
function waits(): string {
	const said = places.flatMap(([name, text]) => waiting.data?.[name] ? `${text}: ${waiting.data[name]} waiting` : [])
	return said.join(', ')
}

/** whose says who is here and for which tenant, or which version this is where nobody asks. */
function whose(): string {
	const w = who.data
	if (!w || w.identity !== 'on') return version.data?.version ?? ''
	return [w.by, w.tenant !== 'default' && w.tenant].filter(Boolean).join(' · ')
}

const Lost = { title: 'Nothing here', view: () => <div><Head title="Nothing here" /><Empty title="There is no such page"><a href="#/jobs">To the jobs</a></Empty></div> }

wear()
route({
	'jobs': (_, q) => new Jobs(q), 'jobs/': ([id]) => new JobPage(id!),
	'decisions': () => new Decisions(), 'deadletters': (_, q) => new DeadLetters(q), 'failures': (_, q) => new Failures(q),
	'stages': (_, q) => new Stages(q), 'pipelines': () => new Pipelines(), 'pipelines/': ([name], q) => new PipelinePage(name!, q),
	'webhooks': () => new Webhooks(), 'audit': (_, q) => new Audit(q), '': () => Lost,
})
mount(document.body, App)
catchDrops()
waiting.poll(5000)
void version.refresh()
void who.refresh()
onAgain(() => { void who.refresh(); void waiting.refresh() })
// What is said of times goes on while nothing else happens.
setInterval(redraw, 1000)
