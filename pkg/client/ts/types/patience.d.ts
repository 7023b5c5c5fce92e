import type { Retry } from './config.js';
import { MillraceError } from './problem.js';
/** sleep waits for milliseconds. It throws the signal's reason when that is given first. */
export declare function sleep(ms: number, signal?: AbortSignal): Promise<void>;
/** Backoff makes the pauses between tries longer and longer, and never the same for two clients. */
export declare class Backoff {
    private readonly retry;
    private bound;
    constructor(retry: Retry);
    /** next is the next pause: a random part of a bound that doubles, and at least what is asked. */
    next(atLeast?: number): number;
    /** reset goes back to the beginning, after a success. */
    reset(): void;
}
/** Outage measures how long the server has not answered. */
export declare class Outage {
    private readonly patience;
    private readonly signal?;
    private since;
    private readonly pause;
    constructor(retry: Retry, patience: number, signal?: AbortSignal | undefined);
    /** bear waits a little when the call should be made again, and throws the error otherwise. */
    bear(err: unknown): Promise<void>;
    /** end is told whenever the server has answered. */
    end(): void;
}
/**
 * Leash is a signal that is given when the caller's is, or when nothing was heard for too
 * long. Who makes one ends it.
 */
export declare class Leash {
    private readonly signal?;
    private readonly controller;
    private timer;
    private readonly follow;
    constructor(signal?: AbortSignal | undefined);
    /** taut is the signal. */
    get taut(): AbortSignal;
    /** allow gives it so many milliseconds from now, after which the error is its reason. */
    allow(ms: number, late: () => MillraceError): void;
    /** rest stops the clock until it is allowed something again. */
    rest(): void;
    /** end stops the clock and lets go of the caller's signal. It may be called again. */
    end(): void;
}
