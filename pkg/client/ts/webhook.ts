import type * as api from './api_gen.js'
import { decode64 } from './base64.js'
import { ownError } from './problem.js'

/** WebhookHeaders are those of the request that a webhook came with, as the platform has them. */
export type WebhookHeaders = Headers | { [name: string]: string | string[] | undefined }

/** VerifyOptions say how exact clocks must be. */
export interface VerifyOptions {
	/** tolerance is by how many seconds the webhook may be too old or too new. 300 if absent. */
	tolerance?: number
	/** now is the time to compare with. The clock of the machine if absent. */
	now?: Date
}

/**
 * verifyWebhook returns what a webhook tells, if it was signed by the secret of its endpoint:
 * 'whsec_' and base64, or several while a secret is exchanged. body is what came, byte for
 * byte, before anything has parsed it. The signature is compared in constant time.
 *
 * The same event may come again, as webhooks do: its id says so.
 *
 * Error: client.bad_signature.
 */
export async function verifyWebhook(
	body: string | Uint8Array, headers: WebhookHeaders, secret: string | readonly string[], o: VerifyOptions = {},
): Promise<api.Notification> {
	const id = header(headers, 'webhook-id')
	const time = header(headers, 'webhook-timestamp')
	const seconds = /^\d{1,12}$/.test(time) ? Number(time) : NaN
	const age = Math.abs((o.now?.getTime() ?? Date.now()) / 1000 - seconds)
	if (!id || !(age <= (o.tolerance ?? 300))) throw ownError('client.bad_signature', 'it has no id, or not the time of now')
	const text = typeof body === 'string' ? body : new TextDecoder('utf-8', { ignoreBOM: true }).decode(body)
	const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
	const signed = joined(new TextEncoder().encode(id + '.' + time + '.'), bytes)
	for (const key of await Promise.all([secret].flat().map(imported))) {
		for (const signature of signatures(header(headers, 'webhook-signature'))) {
			if (await crypto.subtle.verify('HMAC', key, signature, signed)) return notification(text)
		}
	}
	throw ownError('client.bad_signature', 'no signature fits')
}

function notification(text: string): api.Notification {
	try {
		return JSON.parse(text) as api.Notification
	} catch (cause) {
		throw ownError('client.bad_answer', 'decode a webhook', cause)
	}
}

/** imported is a secret as a key. */
function imported(secret: string): Promise<CryptoKey> {
	const bytes = decode64(secret.replace(/^whsec_/, ''))
	if (!bytes?.length) throw ownError('client.bad_signature', 'the secret is not that of a webhook')
	return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
}

/** signatures are those of the scheme v1 in a header that may have several. */
function signatures(header: string): Uint8Array<ArrayBuffer>[] {
	return header.split(' ').filter((s) => s.startsWith('v1,')).flatMap((s) => decode64(s.slice(3)) ?? [])
}

function header(headers: WebhookHeaders, name: string): string {
	if (headers instanceof Headers) return headers.get(name) ?? ''
	const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name)
	return [found?.[1] ?? ''].flat().join(' ')
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
	const all = new Uint8Array(a.length + b.length)
	all.set(a)
	all.set(b, a.length)
	return all
}
