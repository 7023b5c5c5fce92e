import { h, redraw, type Child } from '../core/dom'
import { send, problemOf, type Problem } from '../core/http'
import { session } from '../core/session'
import type { File_ } from '../core/shapes'
import { bytes, short } from '../core/format'
import { ask } from './dialog'
import { Icon } from './icons'
import { ProblemNote, Waiting } from './words'

const address = (f: File_): string => `/v1/artifacts/${encodeURIComponent(f.digest)}?name=${encodeURIComponent(f.name)}`

const images = /^image\/(png|jpeg|gif|webp|avif|bmp)$/
const texts = /^(text\/|application\/(json|xml|yaml|x-yaml|javascript|toml|x-ndjson))|\+(json|xml)$/
const textNames = /\.(txt|md|csv|tsv|json|ndjson|log|ya?ml|toml|xml|html?|go|ts|js|css|sh|py|sql|ini|conf)$/i

/** kindOf is how a file can be looked at, if at all. */
function kindOf(f: File_): 'image' | 'text' | undefined {
	const type = f.media_type ?? ''
	if (images.test(type)) return f.size <= 32 << 20 ? 'image' : undefined
	return texts.test(type) || !type && textNames.test(f.name) || type === 'application/octet-stream' && textNames.test(f.name) ? 'text' : undefined
}

/** maxText is how much of a text is shown. */
const maxText = 64 << 10

/** preview shows a file, or the beginning of it, for what it is: a picture or a text. */
function preview(f: File_, kind: 'image' | 'text'): void {
	let text: string | undefined, url = '', problem: Problem | undefined
	const stop = new AbortController()
	const load = async () => {
		const headers: Record<string, string> = session.headers()
		if (kind === 'text' && f.size > maxText) headers['Range'] = `bytes=0-${maxText - 1}`
		const res = await send(address(f), { headers, signal: stop.signal })
		if (kind === 'text') text = new TextDecoder().decode(await res.arrayBuffer())
		else url = URL.createObjectURL(new Blob([await res.arrayBuffer()], { type: f.media_type }))
	}
	ask({
		title: f.name || short(f.digest), wide: true,
		close: () => { stop.abort(); if (url) URL.revokeObjectURL(url) },
		view: () => problem ? <ProblemNote problem={problem} />
			: url ? <img class="preview" src={url} alt={f.name} />
				: text !== undefined ? <div><pre class="preview" tabindex="0">{text}</pre>
					{f.size > maxText ? <p class="muted small">The first {bytes(maxText)} of {bytes(f.size)}.</p> : null}</div> : <Waiting />,
	})
	load().catch((err) => { problem = problemOf(err) }).finally(redraw)
}

/** save downloads a file for somebody who has to say who they are. */
async function save(f: File_): Promise<void> {
	const res = await send(address(f), { headers: session.headers() })
	const pick = (window as any).showSaveFilePicker
	if (pick && f.size > 64 << 20) { // straight to the disk
		const handle = await pick({ suggestedName: f.name })
		await res.body!.pipeTo(await handle.createWritable())
		return
	}
	const url = URL.createObjectURL(await res.blob())
	const a = document.createElement('a')
	a.href = url
	a.download = f.name || short(f.digest)
	a.click()
	setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** download fetches a file with the key, and says so when that does not go. */
function download(f: File_): void {
	save(f).catch((err) => {
		const problem = problemOf(err)
		if (problem) ask({ title: 'The download did not work', view: () => <ProblemNote problem={problem} /> })
	})
}

/** Files is a list of files to look at and to take along. */
export const Files = (p: { files: File_[] }): Child =>
	<ul class="files">{p.files.map((f) => {
		const kind = kindOf(f)
		const name = f.name || short(f.digest)
		return <li>
			<span class="file-name" title={f.digest}>{name}</span>
			<span class="muted small num">{f.size === undefined ? '' : bytes(f.size)}</span>
			<span class="muted small file-type">{f.media_type ?? ''}</span>
			<span class="file-do">
				{kind ? <button type="button" class="link" aria-label={`Preview ${name}`} onclick={() => preview(f, kind)}>Preview</button> : null}
				{session.token ? <button type="button" class="link" aria-label={`Download ${name}`} onclick={() => download(f)}><Icon name="download" />Download</button>
					: <a class="link" download={name} href={address(f)} aria-label={`Download ${name}`}><Icon name="download" />Download</a>}
			</span>
		</li>
	})}</ul>
