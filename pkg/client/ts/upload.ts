import type * as api from './api_gen.js'
import { encode64 } from './base64.js'
import { known } from './artifacts.js'
import type { Call, Connection } from './call.js'
import type { CallOptions } from './config.js'
import { Backoff, sleep } from './patience.js'
import { MillraceError, ownError, stranger } from './problem.js'
import { SHA256 } from './sha256.js'

/** UploadOptions describe content that is sent to the store. None has to be given. */
export interface UploadOptions extends CallOptions {
	/** name is the file's base name: that of a File if absent. */
	name?: string
	/** mediaType is what the content is declared to be: what the blob says if absent. */
	mediaType?: string
	/**
	 * onProgress is called as pieces arrive. Content that the server has already counts as
	 * sent; after an upload was lost sent goes back.
	 */
	onProgress?: (sent: number, total: number) => void
	/**
	 * onBegin is told where the upload is, to be kept for {@link resume}. An upload that somebody
	 * was told of stays at the server for a day when it fails; another is given up.
	 */
	onBegin?: (place: string) => void
	/** resume is the place of an upload of the same content that did not come to its end. */
	resume?: string | null
	/** piece is how many bytes go in one request. 4 MiB if absent. */
	piece?: number
	/**
	 * askFrom is from which size on, in bytes, the server is asked first whether it has the
	 * content already. 64 KiB if absent; Infinity never asks.
	 */
	askFrom?: number
}

const root = '/v1/uploads/'
const version = { 'Tus-Resumable': '1.0.0' }

/** goesOn are the faults after which an upload may still be there. */
const goesOn = ['client.unreachable', 'client.interrupted', 'http.not_ready', 'http.too_busy', 'http.too_slow',
	'upload.interrupted', 'upload.wrong_offset', 'upload.locked', 'bus.timeout', 'bus.unreachable', 'artifact.io']

/** upload is {@link Millrace.upload}. The content is read twice: its digest is found first. */
export async function upload(c: Connection, blob: Blob, o: UploadOptions): Promise<api.File> {
	const digest = await digestOf(blob, o)
	const file: api.File = { name: o.name ?? (blob instanceof File ? blob.name : ''), digest, size: blob.size }
	const mediaType = o.mediaType ?? blob.type
	if (mediaType) file.media_type = mediaType
	if (blob.size >= (o.askFrom ?? 64 << 10) && await known(c, digest, o) === blob.size) {
		o.onProgress?.(blob.size, blob.size)
		return file
	}
	const sent = await new Upload(c, blob, file, o).run()
	if (sent !== digest) throw ownError('http.digest_mismatch', 'the store has ' + sent + ', sent was ' + digest)
	return file
}

async function digestOf(blob: Blob, o: UploadOptions): Promise<string> {
	const sum = new SHA256()
	for (let at = 0; at < blob.size; at += 4 << 20) {
		o.signal?.throwIfAborted()
		sum.add(await bytesOf(blob.slice(at, at + (4 << 20))))
	}
	return sum.digest()
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
	try {
		return new Uint8Array(await blob.arrayBuffer())
	} catch (cause) {
		throw ownError('fetch.changed', 'read the content', cause)
	}
}

/** Upload is content on its way to the store, by tus 1.0. */
class Upload {
	private place: string
	private at = 0
	private readonly piece: number

	constructor(private readonly c: Connection, private readonly blob: Blob, private readonly file: api.File, private readonly o: UploadOptions) {
		this.place = o.resume ?? ''
		this.piece = o.piece ?? 4 << 20
	}

	/** run sends the content, as often as the connection breaks, and returns the digest of what the server has. */
	async run(): Promise<string> {
		const pause = new Backoff(this.c.retry)
		for (let tries = 1; ; tries++) {
			const was = this.at
			try {
				return await this.step()
			} catch (err) {
				if (this.at > was) {
					tries = 1
					pause.reset()
				}
				const final = !(err instanceof MillraceError) || !goesOn.includes(err.code)
				if (final || tries >= (this.o.tries ?? this.c.retry.tries)) {
					await this.giveUp()
					throw err
				}
				await sleep(pause.next(err.retryAfter), this.o.signal)
			}
		}
	}

	/** step asks how far the upload is, if it was begun before, and sends the rest. */
	private async step(): Promise<string> {
		let digest = ''
		if (this.place) digest = await this.ask()
		if (!this.place) digest = await this.begin()
		while (!digest && this.at < this.blob.size) digest = await this.patch()
		digest ||= await this.ask()
		if (!digest) throw ownError('client.bad_answer', 'it does not say what it has stored')
		return digest
	}

	/** begin asks the server for a place to upload to. */
	private begin(): Promise<string> {
		const meta = Object.entries({ filename: this.file.name, filetype: this.file.media_type, digest: this.file.digest })
			.filter(([, value]) => value).map(([name, value]) => name + ' ' + encode64(new TextEncoder().encode(value)))
		const headers = { ...version, 'Upload-Length': String(this.blob.size), 'Upload-Metadata': meta.join(',') }
		return this.c.ask({ method: 'POST', path: root, headers }, this.o, async (r) => {
			const location = r.headers.get('Location') ?? ''
			if (!location.includes(root)) throw ownError('client.bad_answer', 'it names no place to upload to')
			this.place = location.slice(location.lastIndexOf(root))
			this.at = 0
			this.o.onBegin?.(this.place)
			return this.arrived(r)
		})
	}

	/** ask asks how far the upload is. One that is not there any more, or is of other content, begins anew. */
	private async ask(): Promise<string> {
		try {
			return await this.c.once({ method: 'HEAD', path: this.place, headers: version }, this.o.signal, async (r) => {
				const at = Number(r.headers.get('Upload-Offset') ?? NaN)
				if (Number(r.headers.get('Upload-Length')) !== this.blob.size) {
					this.place = ''
					return ''
				}
				if (!(at >= 0 && at <= this.blob.size)) throw stranger(r)
				this.at = at
				return this.arrived(r)
			})
		} catch (err) {
			// The answer to HEAD has no body, so its status must do.
			const status = err instanceof MillraceError ? err.answered : 0
			if (status === 423 || status >= 500) throw ownError('upload.interrupted', 'it answers ' + status, err)
			if (![403, 404, 410].includes(status)) throw err
			this.place = ''
			return ''
		}
	}

	/** patch sends the next piece. */
	private patch(): Promise<string> {
		const body = this.blob.slice(this.at, this.at + this.piece)
		const k: Call = {
			method: 'PATCH', path: this.place, body, extra: body.size / 8,
			headers: { ...version, 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(this.at) },
		}
		return this.c.once(k, this.o.signal, async (r) => {
			const at = Number(r.headers.get('Upload-Offset') ?? NaN)
			if (!(at > this.at && at <= this.blob.size)) throw stranger(r)
			this.at = at
			return this.arrived(r)
		})
	}

	/** arrived tells of progress and returns the digest, if that was all. */
	private arrived(r: Response): string {
		this.o.onProgress?.(this.at, this.blob.size)
		return r.headers.get('Millrace-Artifact') ?? ''
	}

	/** giveUp lets the server forget an upload that nobody can go on with, if it can be told. */
	private async giveUp(): Promise<void> {
		if (!this.place || this.o.onBegin || this.o.resume) return
		const k: Call = { method: 'DELETE', path: this.place, headers: version }
		await this.c.once(k, AbortSignal.timeout(2_000), async () => {}).catch(() => {}) // else it forgets by itself in a day
	}
}
