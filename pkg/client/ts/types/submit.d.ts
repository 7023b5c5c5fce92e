import type * as api from './api_gen.js';
import type { Connection } from './call.js';
import type { CallOptions } from './config.js';
import { type UploadOptions } from './upload.js';
/** Submission is what a job works on and how. */
export type Submission = Omit<api.SubmitJobBody, 'pipeline' | 'key'>;
/** Submitted is the receipt of a submission. */
export interface Submitted extends api.Receipt {
    /**
     * key is the idempotency key that was used: the caller's, or the one that the call made.
     * Submitting the same with it again gives the same job.
     */
    key: string;
}
/** SubmitOptions are what a submission may have of its own. */
export interface SubmitOptions extends CallOptions {
    /** key is the idempotency key, 1 to 255 bytes. One is made for the call if it is absent. */
    key?: string;
}
/** FileOptions say what to do with a file, and how it is sent. */
export interface FileOptions extends SubmitOptions, UploadOptions, Omit<Submission, 'files'> {
}
/** newKey makes an idempotency key: 128 random bits. */
export declare function newKey(): string;
/** inline is a file that is small enough to be in a submission, of text or bytes. */
export declare function inline(name: string, content: string | Uint8Array): api.Source;
/** submit is {@link Millrace.submit}. */
export declare function submit(c: Connection, pipeline: string, s: Submission, o: SubmitOptions): Promise<Submitted>;
/** submitFile is {@link Millrace.submitFile}. */
export declare function submitFile(c: Connection, pipeline: string, blob: Blob, o: FileOptions): Promise<Submitted>;
/** rerun is {@link Millrace.rerun}. */
export declare function rerun(c: Connection, id: string, r: api.RerunRequest, o: CallOptions): Promise<Submitted>;
