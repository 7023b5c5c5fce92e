import type * as api from './api_gen.js'
import type { Connection } from './call.js'
import type { CallOptions } from './config.js'
import { pathOf } from './query.js'

const headers = { 'Content-Type': 'application/yaml' }

/** ApplyOptions say which pipeline a file is, and why it is applied. */
export interface ApplyOptions extends CallOptions {
	/** name must be the one that the file states. Whatever it states if absent. */
	name?: string
	/** reason is for people and for the audit. */
	reason?: string
}

/** Pipelines are the pipelines of a tenant. */
export class Pipelines {
	constructor(private readonly c: Connection) {}

	/**
	 * apply makes a pipeline file the current version of its name. It may be repeated. Errors:
	 * pipeline.invalid, with every complaint in its errors; pipeline.conflict.
	 */
	async apply(source: string, o: ApplyOptions = {}): Promise<api.Applied> {
		// A file with errors may state no name; the server then says what is wrong.
		const name = o.name ?? ((await this.check(source, o)).name || 'unnamed')
		return this.c.json({ method: 'PUT', path: pathOf('pipelines', name), query: { reason: o.reason }, body: source, headers }, o)
	}

	/** check is the complaints about a pipeline file, which is not stored. They call it file. */
	check(source: string, o: CallOptions & { file?: string } = {}): Promise<api.Checked> {
		return this.c.json({ method: 'POST', path: '/v1/pipelines:check', query: { file: o.file }, body: source, headers }, o)
	}

	/** list is the pipelines by name. */
	async list(o: CallOptions = {}): Promise<api.PipelineEntry[]> {
		return (await this.c.json<api.PipelineList>({ method: 'GET', path: '/v1/pipelines' }, o)).pipelines
	}

	/** get is the current version of a pipeline, or the one with a digest. Error: pipeline.not_found. */
	get(name: string, o: CallOptions & api.GetPipelineQuery = {}): Promise<api.Pipeline> {
		return this.c.json({ method: 'GET', path: pathOf('pipelines', name), query: { digest: o.digest } }, o)
	}

	/** versions is every version that a pipeline has had, oldest first. Error: pipeline.not_found. */
	async versions(name: string, o: CallOptions = {}): Promise<api.PipelineVersion[]> {
		return (await this.c.json<api.PipelineVersions>({ method: 'GET', path: pathOf('pipelines', name, 'versions') }, o)).versions
	}
}
