import type * as api from './api_gen.js';
import type { Connection } from './call.js';
import type { CallOptions } from './config.js';
/** EventQuery says which events of a tenant are wanted. */
export interface EventQuery {
    /** types are types of events, each whole or as a group: 'job.completed', 'step.*'. All if absent. */
    types?: string[];
    /** pipelines are names of pipelines. All if absent. */
    pipelines?: string[];
    /** jobs are ids of at most 50 jobs. All if absent. */
    jobs?: string[];
    /** after is the place after which to begin: now if absent, and the beginning for a page. */
    after?: number;
}
/** TenantEvent is where the stream begins, or something that happened to a job, as a webhook tells it. */
export type TenantEvent = {
    kind: 'place'; /** Following can go on after it. */
    place: number;
} | {
    kind: 'event';
    place: number;
    type: string;
    event: api.Notification;
};
/** filters are what is asked for, as the API names it. */
export declare function filters(q: EventQuery): api.GetEventsQuery;
/** events is {@link Millrace.events}. */
export declare function events(c: Connection, q: EventQuery, o: CallOptions): AsyncGenerator<TenantEvent, void>;
