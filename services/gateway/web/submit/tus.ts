// A client for resumable uploads (tus 1.0.0), as small as it can be: it makes an upload,
// sends it in pieces, and asks how far it is when something came in between, also
// after the page was loaded again.

import { call, Problem, problemOf, send } from '../core/http'
import { session } from '../core/session'
import { redraw } from '../core/dom'
import { sleep } from '../core/stream'

const root = '/v1/uploads/'
const version = { 'Tus-Resumable': '1.0.0' }
const piece = 8 << 20
const pauses = [500, 1000, 2000, 4000, 8000]

export type UploadState = 'waiting' | 'sending' | 'stopped' | 'failed' | 'done'

/** Upload is one file on its way to become a job. */
export class Upload {
	state: UploadState = 'waiting'
	sent = 0
	job = ''
	problem?: Problem
	/** resumed is true when an earlier upload of the file goes on. */
	resumed = false
	private stop = new AbortController()
	private url = ''

	constructor(readonly file: File, readonly metadata: Record<string, string>) {}

	get ended(): boolean { return this.state === 'done' || this.state === 'failed' }

	/** run sends the file, from where it is. It does not throw: the state says what came of it. */
	async run(): Promise<void> {
		this.stop = new AbortController()
		this.state = 'sending'
		this.problem = undefined
		for (let tries = 0; ; tries++) {
			const before = this.sent
			try {
				await this.send()
				this.state = 'done'
				memory.forget(this)
				break
			} catch (err) {
				if (this.stop.signal.aborted) { this.state = 'stopped'; break }
				this.problem = problemOf(err)
				if (this.sent > before) tries = 0
				const status = this.problem?.status ?? 0
				const final = status >= 400 && status < 500 && ![409, 423, 429].includes(status)
				if (final || tries >= pauses.length) { this.state = 'failed'; break }
				redraw()
				await sleep(pauses[tries]!, this.stop.signal)
			}
		}
		redraw()
	}

	/** pause stops for now; run goes on. */
	pause(): void { this.stop.abort() }

	/** drop gives the upload up, here and at the gateway. */
	drop(): void {
		this.stop.abort()
		this.state = 'failed'
		memory.forget(this)
		if (this.url && !this.job) void call('DELETE', this.url, { headers: version }).catch(() => {})
	}

	private async send(): Promise<void> {
		if (!this.url) this.url = memory.find(this) ?? ''
		if (this.url) await this.ask()
		if (!this.url) await this.begin()
		while (!this.job) {
			await this.piece()
			redraw()
			if (this.sent === this.file.size && !this.job) await this.ask()
		}
	}

	private async begin(): Promise<void> {
		const headers = {
			...version, ...session.headers(), 'Upload-Length': String(this.file.size),
			'Upload-Metadata': Object.entries(this.metadata).map(([k, v]) => k + ' ' + base64(v)).join(','),
		}
		const res = await send(root, { method: 'POST', headers, signal: this.stop.signal })
		this.url = new URL(res.headers.get('Location')!, location.href).pathname
		this.sent = 0
		this.job = res.headers.get('Millrace-Job') ?? ''
		memory.keep(this, this.url)
	}

	/** ask finds out how far the upload is. One that is not there any more begins anew. */
	private async ask(): Promise<void> {
		try {
			const { headers } = await call('HEAD', this.url, { headers: version, signal: this.stop.signal })
			this.sent = Number(headers.get('Upload-Offset') ?? 0)
			this.job = headers.get('Millrace-Job') ?? ''
			this.resumed = true
		} catch (err) {
			if (!(err instanceof Problem) || ![403, 404, 410].includes(err.status)) throw err
			memory.forget(this)
			this.url = ''
		}
	}

	/** piece sends the next bytes, through XMLHttpRequest because fetch says nothing on its way. */
	private piece(): Promise<void> {
		const from = this.sent
		return new Promise((resolve, reject) => {
			const x = new XMLHttpRequest()
			const abort = () => x.abort()
			this.stop.signal.addEventListener('abort', abort)
			const failed = (status: number, text: string) => {
				let shape = { status, code: 'page.upload', title: status ? 'The upload was refused' : 'The connection broke', class: '', retryable: !status }
				try { shape = { ...shape, ...JSON.parse(text) } } catch { /* the status has to do */ }
				reject(new Problem(shape))
			}
			x.open('PATCH', this.url)
			const headers = { ...version, ...session.headers(), 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(from) }
			for (const [k, v] of Object.entries(headers)) x.setRequestHeader(k, v)
			x.upload.onprogress = (e) => { this.sent = from + e.loaded; redraw() }
			x.onloadend = () => {
				this.stop.signal.removeEventListener('abort', abort)
				if (x.status === 204 || x.status === 200) {
					this.sent = Number(x.getResponseHeader('Upload-Offset') ?? from)
					this.job = x.getResponseHeader('Millrace-Job') ?? ''
					resolve()
				} else {
					this.sent = from
					failed(x.status, x.responseText)
				}
			}
			x.send(this.file.slice(from, from + piece))
		})
	}
}

function base64(s: string): string {
	return btoa(String.fromCharCode(...new TextEncoder().encode(s)))
}

/** A Kept upload is one that was begun in this browser and is not finished. */
export interface Kept { name: string; size: number; modified: number; pipeline: string; params: string; url: string; at: number }

const key = 'millrace.uploads'
const day = 24 * 3600 * 1000

/** memory outlives the page: which upload belongs to which file. It holds no content and no secret. */
export const memory = {
	list(): Kept[] {
		try {
			return (JSON.parse(localStorage.getItem(key) ?? '[]') as Kept[]).filter((k) => Date.now() - k.at < day)
		} catch {
			return []
		}
	},
	find(u: Upload): string | undefined { return this.list().find((k) => same(k, u))?.url },
	keep(u: Upload, url: string): void {
		const f = u.file
		this.set([...this.list(), { name: f.name, size: f.size, modified: f.lastModified, pipeline: u.metadata['pipeline'] ?? '', params: paramsOf(u), url, at: Date.now() }])
	},
	forget(u: Upload): void { this.set(this.list().filter((k) => !same(k, u))) },
	set(list: Kept[]): void {
		try { localStorage.setItem(key, JSON.stringify(list)) } catch { /* then it begins anew */ }
	},
}

const paramsOf = (u: Upload): string =>
	JSON.stringify(Object.entries(u.metadata).filter(([k]) => /^(param|label)\./.test(k)).sort())

function same(k: Kept, u: Upload): boolean {
	return k.name === u.file.name && k.size === u.file.size && k.modified === u.file.lastModified &&
		k.pipeline === u.metadata['pipeline'] && k.params === paramsOf(u)
}
