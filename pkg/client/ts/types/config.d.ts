/** Retry says how the client bears trouble. All times are in milliseconds. */
export interface Retry {
    /** tries is how often a call that may be repeated is made before its error is thrown. 4 if absent. */
    tries: number;
    /**
     * patience is how long waiting and watching bear a server that does not answer: two minutes
     * if absent. Infinity never loses it.
     */
    patience: number;
    /** firstPause bounds the pause after the first failure; it doubles from there. 100 if absent. */
    firstPause: number;
    /** longPause is what it grows to. 2000 if absent. */
    longPause: number;
    /** answer is how long an answer may take to begin. Three minutes if absent. */
    answer: number;
    /**
     * silence is how long a stream may be quiet before it is taken for dead. 45 seconds if
     * absent; a gateway sends a heartbeat every 15.
     */
    silence: number;
}
/** Config says which server to speak to and how. */
export interface Config {
    /** server is the address of the gateway, such as 'http://127.0.0.1:7420'. */
    server: string | URL;
    /** key is an API key or a bearer token. It is sent to the server and nowhere else. */
    key?: string;
    /** tenant is whose jobs and pipelines are meant. The default one if absent. */
    tenant?: string;
    /** fetch makes the requests. That of the platform if absent. */
    fetch?: typeof fetch;
    /** retry is what is different from the usual in how trouble is borne. */
    retry?: Partial<Retry>;
}
/** CallOptions are what a single call may have of its own. */
export interface CallOptions {
    /** signal ends the call, which throws its reason. */
    signal?: AbortSignal;
    /** tries takes the place of {@link Retry.tries}. */
    tries?: number;
    /** patience takes the place of {@link Retry.patience}. */
    patience?: number;
}
/** usual is how trouble is borne when nothing else is said. */
export declare const usual: Readonly<Retry>;
/** address is that of a server without a slash at its end, credentials, query and fragment. */
export declare function address(server: string | URL): string;
/** identity are the headers that say who calls, and whose work is meant. */
export declare function identity(c: Config): {
    [name: string]: string;
};
