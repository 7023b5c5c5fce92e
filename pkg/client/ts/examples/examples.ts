// The examples of README.md, where the type check sees them. What stands between two marks
// is there word for word.

// mark: new
import { Millrace } from '@millrace/client'

const m = new Millrace({ server: 'http://127.0.0.1:7420', key: 'mr_...', tenant: 'acme' })
// end

import { inline, isFinal, MillraceError, verifyWebhook, type api } from '@millrace/client'

/** Submit files that are small enough to be in the request, and wait. */
export async function submit(): Promise<void> {
	// mark: submit
	const { job } = await m.submit('letters', {
		files: [inline('letter.txt', 'Dear all, …')],
		labels: { batch: 'july' },
	}, { key: 'order-7' })

	const done = await m.wait(job)
	console.log(done.job.state, done.job.steps['pack']?.files)
	// end
}

/** Submit a file of any size. */
export async function submitFile(file: File): Promise<void> {
	// mark: file
	await m.submitFile('letters', file, {
		onProgress: (sent, total) => console.log(`${sent} of ${total}`),
	})
	// end
}

/** Upload a file, and go on where it was after the page was loaded again. */
export async function upload(file: File): Promise<api.File> {
	// mark: upload
	const uploaded = await m.upload(file, {
		resume: localStorage.getItem('upload'),
		onBegin: (place) => localStorage.setItem('upload', place),
	})
	localStorage.removeItem('upload')
	// end
	return uploaded
}

/** Follow a job. */
export async function watch(job: string): Promise<void> {
	// mark: watch
	for await (const e of m.watch(job)) {
		if (e.kind === 'record') console.log(e.record.revision, e.type)
		if (e.kind === 'progress') console.log(e.progress.step, e.progress.done)
	}
	// end
}

/** Follow all jobs of a tenant, from where one has left off. */
export async function events(last: number, keep: (place: number) => void): Promise<void> {
	// mark: events
	for await (const e of m.events({ after: last, types: ['job.completed', 'job.failed'] })) {
		if (e.kind === 'event') console.log(e.event.data.job, e.event.data.state)
		keep(e.place)
	}
	// end
}

/** Go through a list of any length. */
export async function list(): Promise<void> {
	// mark: list
	for await (const item of m.jobs({ state: ['failed'], label: { batch: 'july' } })) {
		console.log(item.id, item.fault?.code)
	}
	// end
}

/** Stop a job, and take back what one did that has ended. */
export async function control(running: string, ended: string): Promise<void> {
	// mark: control
	await m.cancel(running, 'not needed any more')

	const plan = await m.rollbackPlan(ended)
	console.log(plan.steps.filter((s) => !s.reversible))
	await m.rollback(ended, plan, 'wrong file')
	// end
}

/** Decide what jobs ask people. */
export async function decide(): Promise<void> {
	// mark: decide
	for await (const d of m.decisions.list({ class: 'auth' })) {
		await m.decisions.decide(d, { choice: 'retry', reason: 'the key was renewed' })
	}
	// end
}

/** Act on what went wrong. */
export async function errors(job: string): Promise<void> {
	// mark: errors
	try {
		await m.resume(job)
	} catch (e) {
		if (!(e instanceof MillraceError)) throw e
		if (e.code === 'job.not_allowed') console.log('it can be told to', e.allowed.map((c) => c.verb))
		else console.log(e.message, e.hint, e.pointers, e.retryable)
	}
	// end
}

/** Fetch what a job has made. */
export async function download(job: string, digest: string): Promise<Blob> {
	// mark: download
	const content = await m.artifacts.blob(digest, { job })
	// end
	return content
}

/** Bear less than usual. */
export async function impatient(job: string): Promise<void> {
	// mark: retry
	const hasty = new Millrace({ server: 'https://mill.example.com', retry: { tries: 2, patience: 5_000 } })
	await hasty.wait(job, isFinal, { signal: AbortSignal.timeout(60_000), patience: Infinity })
	// end
}

/** Call what has no method of its own. */
export async function others(): Promise<void> {
	// mark: request
	const hook = await m.request<api.Webhook>({
		method: 'POST', path: '/v1/webhooks', once: true, json: { url: 'https://example.com/hook', types: ['job.*'] },
	})
	console.log(hook.secret)
	// end
}

/** Take a webhook, in anything that has the Request of the web. */
export async function hook(request: Request, secret: string): Promise<Response> {
	// mark: webhook
	const told = await verifyWebhook(await request.text(), request.headers, secret)
	console.log(told.id, told.data.event, told.data.job)
	// end
	return new Response()
}
