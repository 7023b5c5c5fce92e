import { type CallOptions, type Config, type Retry } from './config.js';
import { Leash } from './patience.js';
import { type Query } from './query.js';
/** Call is one request, as often as it must be made. */
export interface Call {
    method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
    /** path begins with a slash; its parts are escaped. */
    path: string;
    query?: Query;
    headers?: {
        [name: string]: string;
    };
    /** json is sent as JSON; body as it is. */
    json?: unknown;
    body?: string | Blob;
    /** once says that the request must not be repeated after it may have arrived. */
    once?: boolean;
    /** extra is how many milliseconds the answer may take beyond the usual. */
    extra?: number;
}
/** Answer is the beginning of an answer. Who gets one reads its body and ends the leash. */
export interface Answer {
    response: Response;
    leash: Leash;
}
/** Connection makes the requests of a client. */
export declare class Connection {
    /** server is the address of the gateway without credentials. */
    readonly server: string;
    readonly retry: Retry;
    private readonly headers;
    private readonly fetch;
    /** Errors: client.unreachable, http.bad_request and auth.invalid for a config that cannot be. */
    constructor(c: Config);
    /** json makes the request and returns the JSON of its answer. */
    json<T>(k: Call, o?: CallOptions): Promise<T>;
    /** ask makes the request until there is an answer that is no refusal, and reads it. */
    ask<T>(k: Call, o: CallOptions, read: (r: Response) => Promise<T>): Promise<T>;
    /** once makes the request a single time and reads the answer. */
    once<T>(k: Call, signal: AbortSignal | undefined, read: (r: Response) => Promise<T>): Promise<T>;
    /** attempt makes the request a single time, up to the beginning of the answer. */
    attempt(k: Call, signal?: AbortSignal): Promise<Answer>;
    private send;
}
/** decode reads JSON. */
export declare function decode<T>(r: Response): Promise<T>;
