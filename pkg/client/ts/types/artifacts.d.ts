import type { Connection } from './call.js';
import type { CallOptions } from './config.js';
/** DownloadOptions are what a download may have of its own. */
export interface DownloadOptions extends CallOptions {
    /**
     * job has worked on the content or made it. Where the server asks who makes a request, it
     * hands what the tenant has not put itself out to those who name their job.
     */
    job?: string;
    /** onProgress is called with the bytes so far and the whole size, 0 when that is not known. */
    onProgress?: (done: number, total: number) => void;
}
/** Artifacts are the contents of files, by their digests. */
export declare class Artifacts {
    private readonly c;
    constructor(c: Connection);
    /**
     * download is the content of an artifact. After a broken connection it goes on where it
     * was, and at its end it is compared with the digest; so what has come is good when the
     * stream has ended without an error. Errors: artifact.not_found, artifact.bad_digest,
     * http.digest_mismatch.
     */
    download(digest: string, o?: DownloadOptions): ReadableStream<Uint8Array<ArrayBuffer>>;
    /** blob is all of {@link download}, in memory or wherever the platform keeps it. */
    blob(digest: string, o?: DownloadOptions): Promise<Blob>;
    /** known is how many bytes the server has of a digest, or undefined when it has not got it. */
    known(digest: string, o?: CallOptions): Promise<number | undefined>;
}
/** known is {@link Artifacts.known}. The answer to HEAD has no body, so any refusal means no. */
export declare function known(c: Connection, digest: string, o: CallOptions): Promise<number | undefined>;
