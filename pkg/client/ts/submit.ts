import type * as api from './api_gen.js'
import { encode64 } from './base64.js'
import type { Call, Connection } from './call.js'
import type { CallOptions } from './config.js'
import { ownError } from './problem.js'
import { pathOf } from './query.js'
import { upload, type UploadOptions } from './upload.js'

/** Submission is what a job works on and how. */
export type Submission = Omit<api.SubmitJobBody, 'pipeline' | 'key'>

/** Submitted is the receipt of a submission. */
export interface Submitted extends api.Receipt {
	/**
	 * key is the idempotency key that was used: the caller's, or the one that the call made.
	 * Submitting the same with it again gives the same job.
	 */
	key: string
}

/** SubmitOptions are what a submission may have of its own. */
export interface SubmitOptions extends CallOptions {
	/** key is the idempotency key, 1 to 255 bytes. One is made for the call if it is absent. */
	key?: string
}

/** FileOptions say what to do with a file, and how it is sent. */
export interface FileOptions extends SubmitOptions, UploadOptions, Omit<Submission, 'files'> {}

/** newKey makes an idempotency key: 128 random bits. */
export function newKey(): string {
	const bytes = crypto.getRandomValues(new Uint8Array(16))
	return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
}

/** inline is a file that is small enough to be in a submission, of text or bytes. */
export function inline(name: string, content: string | Uint8Array): api.Source {
	const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
	return { name, inline: encode64(bytes) }
}

/** submit is {@link Millrace.submit}. */
export function submit(c: Connection, pipeline: string, s: Submission, o: SubmitOptions): Promise<Submitted> {
	const key = o.key ?? newKey()
	return receive(c, { method: 'POST', path: '/v1/jobs', json: { ...s, pipeline, key } }, key, o)
}

/** submitFile is {@link Millrace.submitFile}. */
export async function submitFile(c: Connection, pipeline: string, blob: Blob, o: FileOptions): Promise<Submitted> {
	if (!pipeline) throw ownError('pipeline.not_found', 'a pipeline must be named')
	// Before the file is sent for nothing.
	await c.json<api.Pipeline>({ method: 'GET', path: pathOf('pipelines', pipeline) }, o)
	const { name, digest, size, media_type } = await upload(c, blob, o)
	const { params, labels } = o
	return submit(c, pipeline, { params, labels, files: [{ name, digest, size, media_type }] }, o)
}

/** rerun is {@link Millrace.rerun}. */
export function rerun(c: Connection, id: string, r: api.RerunRequest, o: CallOptions): Promise<Submitted> {
	const key = r.key ?? newKey()
	return receive(c, { method: 'POST', path: pathOf('jobs', id, 'rerun'), json: { ...r, key, dry_run: false } }, key, o)
}

async function receive(c: Connection, k: Call, key: string, o: CallOptions): Promise<Submitted> {
	const receipt = await c.json<api.Receipt>(k, o)
	if (!receipt.job) throw ownError('client.bad_answer', 'the receipt names no job')
	return { ...receipt, key }
}
