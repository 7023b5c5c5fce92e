import { h, redraw, type Child } from '../core/dom'
import { get } from '../core/http'
import { bytes, plural } from '../core/format'
import type { Pipeline, PipelineEntry, Schema } from '../core/shapes'
import { ask } from '../parts/dialog'
import { Icon } from '../parts/icons'
import { memory } from './tus'
import { submit } from './tray'

const last = 'millrace.pipeline'

/** Form is what is asked before files are submitted. */
class Form {
	files: File[] = []
	names: PipelineEntry[] = []
	pipeline = ''
	schema?: Schema
	params: Record<string, string> = {}
	labels = ''
	over = false

	async load(): Promise<void> {
		this.names = (await get<{ pipelines: PipelineEntry[] }>('/v1/pipelines')).pipelines
		const wanted = localStorage.getItem(last) ?? 'default'
		await this.choose((this.names.find((p) => p.name === wanted) ?? this.names[0])?.name ?? '')
	}

	async choose(name: string): Promise<void> {
		this.pipeline = name
		this.schema = undefined
		this.params = {}
		redraw()
		if (!name) return
		const p = await get<Pipeline>('/v1/pipelines/' + name)
		if (this.pipeline === name) this.schema = p.params_schema
		redraw()
	}

	add(files: Iterable<File>): void {
		for (const f of files) if (!this.files.some((o) => o.name === f.name && o.size === f.size && o.lastModified === f.lastModified)) this.files.push(f)
		redraw()
	}

	get badLabels(): boolean { return this.labels.split(',').some((l) => l.trim() && !/^[^=]+=/.test(l.trim())) }

	get ready(): boolean {
		const missing = (this.schema?.required ?? []).some((n) => !this.params[n] && this.schema?.properties?.[n]?.default === undefined)
		return this.files.length > 0 && this.pipeline !== '' && !missing && !this.badLabels
	}

	/** metadata is what goes with each file. */
	metadata(f: File): Record<string, string> {
		const m: Record<string, string> = { filename: f.name, pipeline: this.pipeline, idempotency_key: unlike() }
		if (f.type) m['filetype'] = f.type
		for (const [k, v] of Object.entries(this.params)) if (v !== '') m['param.' + k] = v
		for (const l of this.labels.split(',')) {
			const [k, ...v] = l.trim().split('=')
			if (k && v.length) m['label.' + k.trim()] = v.join('=').trim()
		}
		return m
	}
}

/** unlike is a key like no other. */
function unlike(): string {
	return 'page-' + [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('')
}

let form: Form | undefined

/** openSubmit asks which pipeline files are for. Files that are dropped later join those that are there. */
export function openSubmit(files: Iterable<File> = []): void {
	if (form) return form.add(files)
	const f = form = new Form()
	f.add(files)
	void f.load().finally(redraw)
	ask({
		title: 'Submit files', action: 'Submit', wide: true,
		ready: () => f.ready,
		close: () => { form = undefined },
		view: () => view(f),
		run: async () => {
			localStorage.setItem(last, f.pipeline)
			submit(f.files.map((file) => ({ file, metadata: f.metadata(file) })))
		},
	})
}

function view(f: Form): Child {
	const kept = memory.list()
	return <div class="form">
		<label class={'dropzone' + (f.over ? ' over' : '')} ondragenter={() => { f.over = true }} ondragleave={() => { f.over = false }} ondrop={() => { f.over = false }}>
			<Icon name="upload" /><span><b>Choose files</b> or drop them here. Each becomes a job.</span>
			<input type="file" name="files" multiple class="sr" onchange={(e: any) => { f.add([...e.target.files]); e.target.value = '' }} />
		</label>
		{f.files.length ? <ul class="files chosen">{f.files.map((file) => <li key={file.name + file.size + file.lastModified}>
			<span class="file-name">{file.name}</span><span class="muted small num">{bytes(file.size)}</span><span class="muted small file-type">{file.type}</span>
			<span class="file-do"><button type="button" class="icon-button" aria-label={`Leave ${file.name} out`} onclick={() => { f.files = f.files.filter((o) => o !== file) }}><Icon name="close" /></button></span>
		</li>)}</ul> : null}
		{kept.length && !f.files.length ? <p class="muted small">{plural(kept.length, 'upload')} not finished: {kept.map((k) => k.name).join(', ')}. Choose the same file again to go on where it stopped.</p> : null}
		<div class="columns">
			<label class="field"><span>Pipeline</span><select name="pipeline" value={f.pipeline} onchange={(e: any) => void f.choose(e.target.value)}>
				{f.names.map((p) => <option key={p.name} value={p.name}>{p.name}</option>)}</select></label>
			<label class="field"><span>Labels <i>optional</i></span><input name="labels" placeholder="team=press, run=7" value={f.labels} aria-invalid={String(f.badLabels)}
				oninput={(e: any) => { f.labels = e.target.value }} /></label>
		</div>
		{Object.entries(f.schema?.properties ?? {}).length ? <fieldset class="params"><legend>Parameters</legend><div class="columns">
			{Object.entries(f.schema!.properties!).map(([name, s]) => <Param key={name} name={name} schema={s} needed={f.schema!.required?.includes(name)}
				value={f.params[name] ?? ''} set={(v) => { f.params[name] = v }} />)}</div></fieldset> : null}
	</div>
}

const Param = (p: { key?: string; name: string; schema: Schema; needed?: boolean; value: string; set: (v: string) => void }) => {
	const s = p.schema
	const usual = s.default === undefined ? '' : typeof s.default === 'string' ? s.default : JSON.stringify(s.default)
	const choices = s.enum?.map(String) ?? (s.type === 'boolean' ? ['true', 'false'] : undefined)
	const set = (e: any) => p.set(e.target.value)
	return <label class="field"><span>{p.name}{p.needed ? '' : <i> optional</i>}</span>
		{choices ? <select name={'param.' + p.name} value={p.value} onchange={set}><option value="">{usual ? `${usual} (default)` : 'not said'}</option>
			{choices.map((c) => <option key={c} value={c}>{c}</option>)}</select>
			: <input name={'param.' + p.name} inputmode={s.type === 'integer' ? 'numeric' : null} placeholder={usual} value={p.value} oninput={set} required={p.needed && !usual} />}
		{s.description ? <small class="muted">{s.description}</small> : null}</label>
}
