import { h, type Child } from '../core/dom'
import { get, maybe, query, Problem } from '../core/http'
import { Load } from '../core/load'
import { go, type Page } from '../core/router'
import { jobStates, type Counts, type JobItem, type JobPage, type PipelineEntry } from '../core/shapes'
import { count, short, took, words } from '../core/format'
import { Icon } from '../parts/icons'
import { Badge, Empty, Head, Labels, ProblemNote, Time, Waiting, toneOf } from '../parts/words'
import { openSubmit } from '../submit/form'

const every = 2000

/** Jobs is the list of jobs, which keeps up with them. */
export class Jobs implements Page {
	title = 'Jobs'
	private states: string[] = []
	private pipeline = ''
	private label = ''
	private fault = ''
	private search = ''
	private cursor = ''
	/** before are the cursors of the pages before this one. */
	private before: string[] = []
	private typing = 0
	private readonly list: Load<JobPage>
	private readonly counts = new Load((s) => maybe<Counts>('/v1/stats', s)).poll(every)
	private readonly pipelines = new Load(async (s) => (await get<{ pipelines: PipelineEntry[] }>('/v1/pipelines', s)).pipelines).poll(30_000)

	constructor(q: URLSearchParams) {
		this.take(q)
		this.list = new Load((s) => this.read(s)).poll(every)
	}

	leave(): void {
		for (const l of [this.list, this.counts, this.pipelines]) l.end()
		clearTimeout(this.typing)
	}

	turn(q: URLSearchParams): void {
		this.take(q)
		void this.list.refresh()
	}

	private take(q: URLSearchParams): void {
		this.states = q.getAll('state').filter((s) => (jobStates as string[]).includes(s))
		this.pipeline = q.get('pipeline') ?? ''
		this.label = q.get('label') ?? ''
		this.fault = q.get('fault') ?? ''
		this.search = q.get('search') ?? ''
		this.cursor = q.get('cursor') ?? ''
		if (!this.cursor) this.before = []
	}

	private async read(signal: AbortSignal): Promise<JobPage> {
		const asked: Record<string, string | string[]> = { state: this.states, pipeline: this.pipeline, fault: this.fault, cursor: this.cursor }
		const [name, ...value] = this.label.split('=')
		if (name && value.length) asked['label.' + name] = value.join('=')
		if (!this.search) return get('/v1/jobs' + query(asked), signal)
		try {
			return await get('/v1/jobs' + query({ ...asked, search: this.search }), signal)
		} catch (err) {
			if (!(err instanceof Problem) || err.status !== 400) throw err
		}
		// A gateway whose list cannot search: what is on the page has to do.
		const page = await get<JobPage>('/v1/jobs' + query({ ...asked, limit: '500' }), signal)
		const wanted = this.search.toLowerCase()
		page.jobs = page.jobs.filter((j) => [j.id, j.key, j.name, j.pipeline.name].some((s) => s?.toLowerCase().includes(wanted)))
		return page
	}

	/** show leads to the list with other filters, from its beginning. */
	private show(change: Partial<Record<'state' | 'pipeline' | 'label' | 'fault' | 'search' | 'cursor', string | string[]>>, replace = false): void {
		go('jobs' + query({ state: this.states, pipeline: this.pipeline, label: this.label, fault: this.fault, search: this.search, ...change }), replace)
	}

	view(): Child {
		return <div>
			<Head title="Jobs" note={this.note()}>
				<button type="button" class="button primary" onclick={() => openSubmit()}><Icon name="upload" />Submit files</button>
			</Head>
			{this.filters()}
			<ProblemNote problem={this.list.problem} />
			{this.list.data ? this.table(this.list.data) : this.list.problem ? null : <Waiting />}
		</div>
	}

	private note(): Child {
		const view = this.list.data?.view
		if (view?.stale) return <span class="tone-wait text">The list stands still: {view.problem}</span>
		if (view && view.lag_seconds > 3) return <span class="muted">The list is {Math.round(view.lag_seconds)} s behind</span>
		const all = this.counts.data?.jobs
		return <span class="muted">{all === undefined ? 'Newest first' : `${count(all)} in all, newest first`}</span>
	}

	private filters(): Child {
		const counts = this.counts.data?.states
		const toggle = (s: string) => this.show({ state: this.states.includes(s) ? this.states.filter((o) => o !== s) : [...this.states, s] })
		const shown = jobStates.filter((s) => !counts || counts[s] || this.states.includes(s))
		return <div class="filters">
			<div class="filter-row">
				<label class="search"><span class="sr">Search jobs</span><Icon name="search" />
					<input type="search" name="search" placeholder="Search by name, key, id or label" value={this.search} oninput={(e: any) => this.type(e.target.value)} /></label>
				<label class="select"><span class="sr">Pipeline</span>
					<select name="pipeline" value={this.pipeline} onchange={(e: any) => this.show({ pipeline: e.target.value })}>
						<option value="">All pipelines</option>
						{this.pipelines.data?.map((p) => <option key={p.name} value={p.name}>{p.name}</option>)}
					</select></label>
				{this.label ? <button type="button" class="label" onclick={() => this.show({ label: '' })}>{this.label}<Icon name="close" /><span class="sr">Remove this filter</span></button> : null}
				{this.fault ? <button type="button" class="label mono" data-filter="fault" onclick={() => this.show({ fault: '' })}>{this.fault}<Icon name="close" /><span class="sr">Remove this filter</span></button> : null}
			</div>
			<div class="chips" role="group" aria-label="States">
				{shown.map((s) => <button type="button" key={s} class={'chip tone-' + toneOf(s)} data-state={s}
					aria-pressed={String(this.states.includes(s))} onclick={() => toggle(s)}>
					<i class="dot" />{words(s)}{counts ? <b class="num">{count(counts[s] ?? 0)}</b> : null}</button>)}
				{this.states.length ? <button type="button" class="link" key="all" onclick={() => this.show({ state: [] })}>Show all</button> : null}
			</div>
		</div>
	}

	private type(text: string): void {
		this.search = text
		clearTimeout(this.typing)
		this.typing = setTimeout(() => {
			if (/^[a-z2-7]{26}$/.test(text.trim())) go('jobs/' + text.trim())
			else this.show({ search: text.trim() }, true)
		}, 300)
	}

	private table(page: JobPage): Child {
		if (!page.jobs.length) return this.none()
		return <div>
			<table class="list jobs">
				<thead><tr><th scope="col">State</th><th scope="col">Job</th><th scope="col">Pipeline</th><th scope="col">Steps</th><th scope="col">Labels</th><th scope="col" class="num">Accepted</th><th scope="col" class="num">Took</th></tr></thead>
				<tbody>{page.jobs.map((j) => <Row job={j} key={j.id} />)}</tbody>
			</table>
			<nav class="pager" aria-label="Pages">
				<button type="button" class="button" disabled={!this.cursor} onclick={() => this.show({ cursor: this.before.pop() ?? '' })}>Newer</button>
				<button type="button" class="button" disabled={!page.next_cursor}
					onclick={() => { this.before.push(this.cursor); this.show({ cursor: page.next_cursor! }) }}>Older</button>
			</nav>
		</div>
	}

	private none(): Child {
		if (this.states.length || this.pipeline || this.label || this.fault || this.search) {
			return <Empty title="No job fits"><button type="button" class="link" onclick={() => go('jobs')}>Take the filters away</button></Empty>
		}
		return <Empty title="No jobs yet">Drop files anywhere on this page, or say <code>millrace submit FILE</code>.</Empty>
	}
}

const Row = (p: { job: JobItem; key?: string }) => {
	const j = p.job
	const name = j.name ? j.name + (j.files > 1 ? ` and ${j.files - 1} more` : '') : j.key || short(j.id)
	return <tr data-job={j.id} data-state={j.state} data-revision={j.revision}>
		<td><Badge state={j.state} /></td>
		<td class="main"><a class="stretch" href={'#/jobs/' + j.id}>{name}</a>
			<span class="sub"><span class="mono">{short(j.id)}</span>{j.fault ? <span class="mono fault-code tone-bad text">{j.fault.code}</span> : null}</span></td>
		<td class="pipe">{j.pipeline.name}</td>
		<td class="steps"><Meter done={j.steps_done} all={j.steps} state={j.state} /></td>
		<td class="tags"><Labels labels={j.labels} /></td>
		<td class="num muted when"><Time at={j.accepted_at} /></td>
		<td class="num muted took">{took(j)}</td>
	</tr>
}

const Meter = (p: { done: number; all: number; state: string }) =>
	<span class={'progress tone-' + toneOf(p.state)}><span class="track" aria-hidden="true"><i style={{ width: (p.all ? 100 * p.done / p.all : 0) + '%' }} /></span>
		<span class="num">{p.done}<span class="muted">/{p.all}</span><span class="sr"> steps</span></span></span>
