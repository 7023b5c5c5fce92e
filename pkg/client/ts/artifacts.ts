import type { Connection } from './call.js'
import type { CallOptions } from './config.js'
import { Backoff, sleep } from './patience.js'
import { MillraceError, ownError } from './problem.js'
import { pathOf } from './query.js'
import { SHA256 } from './sha256.js'

/** DownloadOptions are what a download may have of its own. */
export interface DownloadOptions extends CallOptions {
	/**
	 * job has worked on the content or made it. Where the server asks who makes a request, it
	 * hands what the tenant has not put itself out to those who name their job.
	 */
	job?: string
	/** onProgress is called with the bytes so far and the whole size, 0 when that is not known. */
	onProgress?: (done: number, total: number) => void
}

/** Artifacts are the contents of files, by their digests. */
export class Artifacts {
	constructor(private readonly c: Connection) {}

	/**
	 * download is the content of an artifact. After a broken connection it goes on where it
	 * was, and at its end it is compared with the digest; so what has come is good when the
	 * stream has ended without an error. Errors: artifact.not_found, artifact.bad_digest,
	 * http.digest_mismatch.
	 */
	download(digest: string, o: DownloadOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
		const stop = new AbortController()
		const signal = o.signal ? AbortSignal.any([o.signal, stop.signal]) : stop.signal
		const content = new Download(this.c, digest, { ...o, signal }).bytes()
		return new ReadableStream({
			async pull(to) {
				const { value, done } = await content.next()
				if (done) to.close()
				else to.enqueue(value)
			},
			cancel: (reason) => stop.abort(reason),
		})
	}

	/** blob is all of {@link download}, in memory or wherever the platform keeps it. */
	async blob(digest: string, o: DownloadOptions = {}): Promise<Blob> {
		const parts: Uint8Array<ArrayBuffer>[] = []
		for await (const part of new Download(this.c, digest, o).bytes()) parts.push(part)
		return new Blob(parts)
	}

	/** known is how many bytes the server has of a digest, or undefined when it has not got it. */
	known(digest: string, o: CallOptions = {}): Promise<number | undefined> { return known(this.c, digest, o) }
}

/** known is {@link Artifacts.known}. The answer to HEAD has no body, so any refusal means no. */
export async function known(c: Connection, digest: string, o: CallOptions): Promise<number | undefined> {
	try {
		return await c.once({ method: 'HEAD', path: pathOf('artifacts', digest) }, o.signal,
			async (r) => Number(r.headers.get('Content-Length') ?? NaN))
	} catch (err) {
		if (err instanceof MillraceError) return undefined
		throw err
	}
}

/** Download is an artifact on its way in. */
class Download {
	private done = 0
	private total = -1
	private readonly sum = new SHA256()

	constructor(private readonly c: Connection, private readonly digest: string, private readonly o: DownloadOptions) {}

	/** bytes is the content, over as many connections as it takes. */
	async *bytes(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
		const pause = new Backoff(this.c.retry)
		for (let failures = 0; this.done !== this.total;) {
			const was = this.done
			try {
				yield* this.connection()
			} catch (err) {
				if (this.done > was) {
					failures = 0
					pause.reset()
				}
				const passes = err instanceof MillraceError && err.passes
				if (!passes || ++failures >= (this.o.tries ?? this.c.retry.tries)) throw err
				await sleep(pause.next(err.retryAfter), this.o.signal)
			}
		}
		const got = this.sum.digest()
		if (got !== this.digest) throw ownError('http.digest_mismatch', 'download ' + this.digest + ', got ' + got)
	}

	/** connection reads one answer to its end. */
	private async *connection(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
		const headers: { [name: string]: string } = this.done ? { Range: 'bytes=' + this.done + '-' } : {}
		const k = { method: 'GET', path: pathOf('artifacts', this.digest), query: { job: this.o.job }, headers } as const
		const { response, leash } = await this.c.attempt(k, this.o.signal)
		const reader = response.body!.getReader()
		try {
			if (this.done && response.status !== 206) throw ownError('client.bad_answer', 'it does not resume a download')
			if (!this.done) this.total = Number(response.headers.get('Content-Length') ?? -1)
			for (;;) {
				leash.allow(this.c.retry.silence, () => ownError('client.interrupted', 'the content went silent'))
				const { value, done } = await reader.read()
				leash.rest() // who takes the content may be slow
				if (done) break
				this.take(value)
				yield value
			}
			if (this.total < 0) this.total = this.done
			if (this.done < this.total) throw ownError('client.interrupted', 'the content ended early')
		} catch (err) {
			if (this.o.signal?.aborted) throw this.o.signal.reason
			throw err instanceof MillraceError ? err : ownError('client.interrupted', 'read the content', err)
		} finally {
			leash.end()
			reader.cancel().catch(() => {}) // of a connection that is gone
		}
	}

	private take(bytes: Uint8Array): void {
		this.sum.add(bytes)
		this.done += bytes.length
		this.o.onProgress?.(this.done, Math.max(this.total, 0))
	}
}
