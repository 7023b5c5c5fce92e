import type { Call, Connection } from './call.js';
import type { CallOptions } from './config.js';
import { type Message } from './sse.js';
/**
 * follow reads a stream of events over as many connections as it takes. ask says what to ask
 * for each time, so that it goes on after what has come. It ends when the caller has enough,
 * or with an error.
 */
export declare function follow(c: Connection, ask: () => Call, o: CallOptions): AsyncGenerator<Message, never>;
/** streamCall asks for a stream of events, after a place unless that is the beginning. */
export declare function streamCall(path: string, after: number | undefined, query?: object): Call;
/** parsed is the JSON of an event. */
export declare function parsed<T>(m: Message): T;
