import type * as api from './api_gen.js';
import { type OwnCode } from './faults_gen.js';
/** Code is one that the client knows, or that of a server which is newer than it. */
export type Code = api.FaultCode | (string & {});
/**
 * MillraceError is what every call of the client throws, except the reason of a signal that
 * was given to it. Decide by {@link code}, or by {@link retryable}; the texts are for people.
 */
export declare class MillraceError extends Error {
    readonly name = "MillraceError";
    /** code names the fault; it is stable. FAULTS.md beside the schemas lists all of them. */
    readonly code: Code;
    /** class says what may be done next. */
    readonly class: api.FaultClass | (string & {});
    /** retryable is true when the same call may succeed later. */
    readonly retryable: boolean;
    /** hint says what to do about it. */
    readonly hint: string;
    /** status is the status of HTTP that fits the code. */
    readonly status: number;
    /** errors are the single complaints, each with a pointer, a code and a hint. */
    readonly errors: readonly api.ProblemError[];
    /** allowed are the commands that the job takes as it is now. Only of one that was refused. */
    readonly allowed: readonly api.Choice[];
    /** job is the job that an idempotency key was first used for, or ''. */
    readonly job: string;
    /** answered is the status of HTTP that there was, or 0 when there was no answer. */
    readonly answered: number;
    /** retryAfter is how many milliseconds the server asks to wait, or 0. */
    readonly retryAfter: number;
    /** A problem as the server says it, the milliseconds that it asks to wait, and what came. */
    constructor(problem: api.Problem, retryAfter?: number, cause?: unknown, answered?: number);
    /** pointers are the places in the request that {@link errors} complain of. */
    get pointers(): string[];
    /** passes reports whether the fault can go away while somebody waits. */
    get passes(): boolean;
}
/** ownError is a fault that the client finds itself. */
export declare function ownError(code: OwnCode, detail: string, cause?: unknown, retryAfter?: number, answered?: number): MillraceError;
/** refusal makes an error of an answer that refuses. */
export declare function refusal(r: Response): Promise<MillraceError>;
/**
 * stranger is the error of an answer that no gateway gave: of a proxy in between that finds
 * no server behind it, or of another program altogether.
 */
export declare function stranger(r: Response): MillraceError;
