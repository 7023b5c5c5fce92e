// What the tests let the page do with the client. Each scenario returns what it found, as
// JSON; the test compares that with what the mill says.
import { finalStates, inline, isFinal, Millrace, MillraceError, verifyWebhook } from '/millrace.js'

const server = location.origin
const m = new Millrace({ server })
const hello = { files: [inline('hello.txt', 'hello\n')] }
const bytes = (size, seed = 1) => Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8) * seed + (i >> 16)) & 255)
const state = (job) => job.job.state

/** fault is what an error says, or what went wrong instead. */
async function fault(promise) {
	try {
		return { code: 'none', got: JSON.stringify(await promise) }
	} catch (e) {
		if (!(e instanceof MillraceError)) return { code: 'not of the client: ' + e }
		const { code, class: kind, retryable, hint, status, pointers, message, job, allowed } = e
		return { code, class: kind, retryable, hint, status, pointers, message, job, allowed: allowed.map((c) => c.verb) }
	}
}

/** counted is a fetch that notes what it is asked, and may fail after the answer has come. */
function counted(fails = () => false) {
	const seen = []
	const through = async (url, init) => {
		seen.push({ url: String(url), method: init.method, headers: init.headers, body: init.body })
		const r = await fetch(url, init)
		if (fails(seen.length)) throw new TypeError('the answer is lost')
		return r
	}
	return { seen, fetch: through }
}

const scenarios = {
	async submitTwice() {
		const first = await m.submit('maker', hello, { key: 'order-7' })
		const second = await m.submit('maker', hello, { key: 'order-7' })
		const other = await fault(m.submit('maker', { files: [inline('other.txt', 'other')] }, { key: 'order-7' }))
		return { first, second, other }
	},

	async lostAnswer() {
		const line = counted((n) => n === 1)
		const got = await new Millrace({ server, fetch: line.fetch, retry: { firstPause: 1 } }).submit('maker', hello)
		return { got, keys: line.seen.map((s) => JSON.parse(s.body).key) }
	},

	async notRepeated() {
		const { job } = await m.submit('endless', hello)
		const line = counted(() => true)
		const lossy = new Millrace({ server, fetch: line.fetch, retry: { tries: 3, firstPause: 1 } })
		const counts = {}
		for (const [name, call] of Object.entries({
			job: () => lossy.job(job), pause: () => lossy.pause(job, 'once'), retry: () => lossy.retry(job),
			pauseAt: () => lossy.pause(job, 'at', { revision: 1 }), twice: () => lossy.job(job, { tries: 2 }),
		})) {
			const before = line.seen.length
			const { code } = await fault(call())
			counts[name] = code + ' ' + (line.seen.length - before)
		}
		await m.cancel(job)
		return counts
	},

	async identity() {
		const line = counted()
		const other = new Millrace({ server: server + '/?x#y', key: 'a-key', tenant: 'acme', fetch: line.fetch })
		const { code } = await fault(other.job('x'))
		return { code, headers: line.seen[0].headers, server: other.server }
	},

	async upload() {
		const progress = []
		const blob = new File([bytes(3 << 20)], 'lärge.bin', { type: 'image/png' })
		const file = await m.upload(blob, { piece: 1 << 20, onProgress: (sent) => progress.push(sent) })
		const again = []
		await m.upload(blob, { onProgress: (sent) => again.push(sent) })
		return { file, progress, again }
	},

	async smallUploads() {
		const files = []
		for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000]) files.push(await m.upload(new Blob([bytes(size)]), { name: 'f' + size }))
		return files
	},

	async resumedUpload() {
		const blob = new Blob([bytes(3 << 20, 5)])
		const stop = new AbortController()
		let place = ''
		const onProgress = (sent) => { if (sent >= 1 << 20) stop.abort() }
		const ended = await m.upload(blob, { piece: 1 << 20, signal: stop.signal, onProgress, onBegin: (p) => { place = p } })
			.then(() => 'done', (e) => e.name)
		const file = await m.upload(blob, { piece: 1 << 20, resume: place })
		const gone = await m.upload(new Blob(['another']), { resume: place })
		return { ended, place, file, gone }
	},

	async submitFile() {
		const { code } = await fault(m.submitFile('nope', new File(['x'], 'x.txt')))
		const s = await m.submitFile('maker', new File([bytes(200_000, 3)], 'in.bin'), { key: 'file-1', labels: { batch: 'june' } })
		const job = await m.wait(s.job)
		const made = job.job.steps.make.files.find((f) => f.name === 'made.bin')
		let last = 0
		const onProgress = (done) => {
			last = done
			if (done === 200_000 || done === 400_000) read()
		}
		const blob = await m.artifacts.blob(made.digest, { job: s.job, onProgress })
		const content = await blob.arrayBuffer()
		const [reader, stop] = [m.artifacts.download(made.digest).getReader(), new AbortController()]
		const first = (await reader.read()).value.length
		await reader.cancel()
		stop.abort()
		const stopped = await m.artifacts.blob(made.digest, { signal: stop.signal }).catch((e) => e.name)
		const digest = await crypto.subtle.digest('SHA-256', content)
		const hex = Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, '0')).join('')
		const none = await fault(m.artifacts.blob('sha256:' + '0'.repeat(64)))
		return { code, job, made, size: content.byteLength, digest: 'sha256:' + hex, last, none, first, stopped }
	},

	async watch() {
		const { job } = await m.submit('maker', hello)
		await m.wait(job)
		return { job, ...await watched(m, job, read) }
	},

	async watchSilence() {
		const { job } = await m.submit('endless', hello)
		const line = counted()
		const deaf = new Millrace({ server, fetch: line.fetch, retry: { silence: 400, firstPause: 1 } })
		const found = watched(deaf, job)
		while (line.seen.length < 3) await new Promise((done) => setTimeout(done, 20))
		await m.cancel(job, 'enough')
		return { job, ...await found }
	},

	async events(job) {
		const events = []
		for await (const e of m.events({ after: 0, jobs: [job], types: ['job.*', 'step.*'] })) {
			events.push({ ...e, event: e.event?.data.job })
			if (e.type === 'job.completed') break
		}
		const page = await m.eventPage({ jobs: [job], types: ['job.*', 'step.*'], limit: 1000 })
		return { events, page: page.events.map((e) => e.place) }
	},

	async orders() {
		const { job } = await m.submit('endless', hello)
		await m.wait(job, (j) => j.job.steps.wait?.state === 'queued')
		const paused = await m.pause(job, 'a look')
		const stale = await fault(m.resume(job, '', { revision: 1 }))
		const resumed = await m.resume(job, 'go on', { revision: paused.revision })
		const { reasons } = await m.explain(job)
		const refused = await fault(m.skip(job, 'nope'))
		await m.cancel(job, 'not needed')
		const ended = await m.wait(job)
		return { job, states: [paused, resumed, ended].map(state), reason: ended.job.reason, stale, refused, reasons: reasons.length }
	},

	async decision() {
		const { job } = await m.submit('shy', hello)
		await m.wait(job, (j) => state(j) === 'attention')
		let open
		for await (const d of m.decisions.list({ pipeline: 'shy', limit: 1 })) if (d.job === job) open = d
		const got = await m.decisions.get(open.id)
		const stale = await fault(m.decisions.decide({ id: open.id, version: '999' }, { choice: 'retry' }))
		const bad = await fault(m.decisions.decide(open, { choice: 'nope' }))
		const made = await m.decisions.decide(open, { choice: 'retry', reason: 'a new key' })
		const again = await fault(m.decisions.decide(open, { choice: 'retry' }))
		return { job, version: got.version === open.version, stale, bad, made: made.made, again, ended: state(await m.wait(job)) }
	},

	async rollback() {
		const { job } = await m.submit('maker', hello)
		await m.wait(job)
		const plan = await m.rollbackPlan(job)
		const other = await fault(m.rollback(job, { ...plan, digest: 'sha256:0' }, 'wrong'))
		const stale = await fault(m.rollback(job, { ...plan, revision: 1 }, 'wrong'))
		await m.rollback(job, plan, 'wrong file')
		const rolledBack = await m.wait(job, (j) => state(j) === 'rolled_back')
		const rerun = await m.rerun(job, { reason: 'right file' })
		return { steps: plan.steps.length, other, stale, state: state(rolledBack), again: state(await m.wait(rerun.job)) }
	},

	async lists() {
		const jobs = []
		for (let n = 0; n < 5; n++) jobs.push((await m.submit('maker', hello, { key: 'list-' + n })).job)
		const labelled = await m.submit('maker', { ...hello, labels: { batch: 'july' } })
		for (const job of [...jobs, labelled.job]) await m.wait(job)
		const found = []
		for await (const item of m.jobs({ limit: 2, pipeline: 'maker', state: ['completed', 'failed'], sort: 'oldest' })) found.push(item.id)
		const july = []
		for await (const item of m.jobs({ label: { batch: 'july' } })) july.push(item.id)
		return { jobs, found, july, labelled: labelled.job }
	},

	async pipelines(good, bad) {
		const applied = await m.pipelines.apply(good, { reason: 'to see' })
		const again = await m.pipelines.apply(good)
		const checked = await m.pipelines.check(bad, { file: 'bad.yaml' })
		const refused = await fault(m.pipelines.apply(bad))
		const got = await m.pipelines.get(applied.name)
		const names = (await m.pipelines.list()).map((p) => p.name)
		const versions = (await m.pipelines.versions(applied.name)).length
		const routes = await m.request({ method: 'GET', path: '/v1/stages' })
		return { applied, again, diagnostics: checked.diagnostics, refused, source: got.source, names, versions, stages: routes.stages.length }
	},

	async trouble() {
		const line = counted()
		const nobody = new Millrace({ server: 'http://127.0.0.1:1', fetch: line.fetch, retry: { tries: 2, firstPause: 1, patience: 20 } })
		const unreachable = await fault(nobody.job('x'))
		const tried = line.seen.length
		const waited = await fault(nobody.wait('x'))
		const watching = await fault(watched(nobody, 'x'))
		const timeout = await nobody.wait('x', isFinal, { patience: Infinity, signal: AbortSignal.timeout(30) }).catch((e) => e.name)
		const web = new Millrace({ server, fetch: async () => new Response('<html>') })
		const busy = { n: 0, at: [] }
		const answers = async () => {
			busy.at.push(performance.now())
			const body = JSON.stringify({ type: 'about:blank', title: 'busy', status: 503, code: 'http.too_busy', class: 'rate_limited', retryable: true })
			return new Response(body, { status: 503, headers: { 'Content-Type': 'application/problem+json', 'Retry-After': '1' } })
		}
		await fault(new Millrace({ server, fetch: answers, retry: { tries: 2, firstPause: 1 } }).retry('x'))
		return {
			unknown: await fault(m.job('nope')), unreachable, tried, waited: waited.code, watching: watching.code, timeout,
			web: (await fault(web.job('x'))).code,
			proxy: (await fault(new Millrace({ server, fetch: async () => new Response('', { status: 502 }), retry: { tries: 1 } }).job('x'))).code,
			busy: busy.at.length, pause: busy.at[1] - busy.at[0],
			configs: [{ server: 'x' }, { server: 'ftp://x' }, { server, tenant: 'a.b' }, { server, key: 'a b' }].map((c) => {
				try { new Millrace(c); return 'none' } catch (e) { return e.code }
			}),
		}
	},

	async webhook(secret, id, seconds, signature, body) {
		const headers = { 'Webhook-Id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': 'v1,AAAA v1a,x ' + signature }
		const now = new Date(seconds * 1000)
		const told = await verifyWebhook(body, new Headers(headers), secret, { now })
		const codes = await Promise.all([
			verifyWebhook(new TextEncoder().encode(body), headers, ['whsec_b3RoZXI=', secret], { now }),
			verifyWebhook(body + ' ', headers, secret, { now }),
			verifyWebhook(body, { ...headers, 'Webhook-Id': 'other' }, secret, { now }),
			verifyWebhook(body, headers, 'whsec_b3RoZXI=', { now }),
			verifyWebhook(body, headers, '%', { now }),
			verifyWebhook(body, headers, secret, { now: new Date((seconds + 301) * 1000) }),
			verifyWebhook(body, { ...headers, 'webhook-timestamp': 'x' }, secret, { now }),
			verifyWebhook(body, {}, secret),
		].map(async (p) => (await fault(p)).code))
		return { event: told.data.event, job: told.data.job, codes }
	},

	async finalStates() { return finalStates },
}

/** read says that what has come was read, so that the line may break. */
const read = () => fetch('/read', { method: 'POST' })

/** watched follows a job to its end. */
async function watched(client, job, seen = () => {}) {
	const records = [], kinds = []
	for await (const e of client.watch(job)) {
		kinds.push(e.kind)
		if (e.kind !== 'record') continue
		records.push({ id: e.id, type: e.type, revision: e.record.revision })
		if (records.length === 1) seen()
	}
	return { records, last: kinds.at(-1) }
}

window.run = (name, ...args) => scenarios[name](...args).then((v) => JSON.parse(JSON.stringify(v)))
