import type * as api from './api_gen.js';
import type { Connection } from './call.js';
import type { CallOptions } from './config.js';
/** UploadOptions describe content that is sent to the store. None has to be given. */
export interface UploadOptions extends CallOptions {
    /** name is the file's base name: that of a File if absent. */
    name?: string;
    /** mediaType is what the content is declared to be: what the blob says if absent. */
    mediaType?: string;
    /**
     * onProgress is called as pieces arrive. Content that the server has already counts as
     * sent; after an upload was lost sent goes back.
     */
    onProgress?: (sent: number, total: number) => void;
    /**
     * onBegin is told where the upload is, to be kept for {@link resume}. An upload that somebody
     * was told of stays at the server for a day when it fails; another is given up.
     */
    onBegin?: (place: string) => void;
    /** resume is the place of an upload of the same content that did not come to its end. */
    resume?: string | null;
    /** piece is how many bytes go in one request. 4 MiB if absent. */
    piece?: number;
    /**
     * askFrom is from which size on, in bytes, the server is asked first whether it has the
     * content already. 64 KiB if absent; Infinity never asks.
     */
    askFrom?: number;
}
/** upload is {@link Millrace.upload}. The content is read twice: its digest is found first. */
export declare function upload(c: Connection, blob: Blob, o: UploadOptions): Promise<api.File>;
