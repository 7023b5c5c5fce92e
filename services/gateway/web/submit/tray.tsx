import { h, redraw, type Child } from '../core/dom'
import { bytes } from '../core/format'
import { Icon } from '../parts/icons'
import { Upload } from './tus'

const atOnce = 3
let uploads: Upload[] = []

/** submit sends files, a few at once. */
export function submit(list: { file: File; metadata: Record<string, string> }[]): void {
	uploads.push(...list.map((l) => new Upload(l.file, l.metadata)))
	next()
}

function next(): void {
	const free = atOnce - uploads.filter((u) => u.state === 'sending').length
	for (const u of uploads.filter((o) => o.state === 'waiting').slice(0, Math.max(0, free))) void u.run().finally(next)
	redraw()
}

/** underWay reports whether leaving the page would stop an upload. */
export const underWay = (): boolean => uploads.some((u) => u.state === 'sending' || u.state === 'waiting')

const says: Record<Upload['state'], string> = { waiting: 'waits', sending: '', stopped: 'paused', failed: 'failed', done: 'submitted' }

/** Tray shows the uploads in a corner of the page. */
export const Tray = (): Child => {
	if (!uploads.length) return null
	return <section class="tray" aria-label="Uploads">
		<div class="tray-head"><strong>Uploads</strong>
			<button type="button" class="link" onclick={() => { uploads = uploads.filter((u) => !u.ended) }}>Clear</button></div>
		<ul>{uploads.map((u, i) => <li key={i + u.file.name} data-upload={u.state} data-job={u.job}>
			<div class="tray-line"><span class="file-name">{u.file.name}</span>
				{u.job ? <a href={'#/jobs/' + u.job}>Open job</a>
					: u.state === 'sending' ? <button type="button" class="link" onclick={() => u.pause()}>Pause</button>
						: u.state === 'stopped' || u.state === 'failed' ? <button type="button" class="link" onclick={() => { void u.run().finally(next) }}>Go on</button> : null}
				{u.job ? null : <button type="button" class="icon-button" aria-label={`Give up ${u.file.name}`} onclick={() => { u.drop(); uploads = uploads.filter((o) => o !== u) }}><Icon name="close" /></button>}
			</div>
			<progress max="100" value={u.file.size ? 100 * u.sent / u.file.size : u.job ? 100 : 0} aria-label={`Upload of ${u.file.name}`} />
			<span class="muted small num" role="status">{bytes(u.sent)} of {bytes(u.file.size)} {says[u.state]}{u.resumed && u.state === 'sending' ? ' · went on' : ''}</span>
			{u.problem && u.state !== 'done' ? <p class="small tone-bad text">{u.problem.message}</p> : null}
		</li>)}</ul>
	</section>
}
