import type * as api from './api_gen.js';
import { type Connection } from './call.js';
import type { CallOptions } from './config.js';
/** wait is {@link Millrace.wait}. */
export declare function wait(c: Connection, id: string, until: (job: api.Job) => boolean, o: CallOptions): Promise<api.Job>;
