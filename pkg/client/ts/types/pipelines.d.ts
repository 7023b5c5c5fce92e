import type * as api from './api_gen.js';
import type { Connection } from './call.js';
import type { CallOptions } from './config.js';
/** ApplyOptions say which pipeline a file is, and why it is applied. */
export interface ApplyOptions extends CallOptions {
    /** name must be the one that the file states. Whatever it states if absent. */
    name?: string;
    /** reason is for people and for the audit. */
    reason?: string;
}
/** Pipelines are the pipelines of a tenant. */
export declare class Pipelines {
    private readonly c;
    constructor(c: Connection);
    /**
     * apply makes a pipeline file the current version of its name. It may be repeated. Errors:
     * pipeline.invalid, with every complaint in its errors; pipeline.conflict.
     */
    apply(source: string, o?: ApplyOptions): Promise<api.Applied>;
    /** check is the complaints about a pipeline file, which is not stored. They call it file. */
    check(source: string, o?: CallOptions & {
        file?: string;
    }): Promise<api.Checked>;
    /** list is the pipelines by name. */
    list(o?: CallOptions): Promise<api.PipelineEntry[]>;
    /** get is the current version of a pipeline, or the one with a digest. Error: pipeline.not_found. */
    get(name: string, o?: CallOptions & api.GetPipelineQuery): Promise<api.Pipeline>;
    /** versions is every version that a pipeline has had, oldest first. Error: pipeline.not_found. */
    versions(name: string, o?: CallOptions): Promise<api.PipelineVersion[]>;
}
