/**
 * The client of Millrace for TypeScript and JavaScript, in browsers, Node, Deno and Bun.
 * It begins with {@link Millrace}.
 *
 * @packageDocumentation
 */
export type * as api from './api_gen.js';
export { Artifacts, type DownloadOptions } from './artifacts.js';
export type { Call } from './call.js';
export type { CallOptions, Config, Retry } from './config.js';
export { Decisions } from './decisions.js';
export type { EventQuery, TenantEvent } from './events.js';
export { Millrace } from './millrace.js';
export type { Order, OrderOptions, OrderVerb } from './orders.js';
export { Pipelines, type ApplyOptions } from './pipelines.js';
export { MillraceError, type Code } from './problem.js';
export type { Query } from './query.js';
export { finalStates, isFinal } from './states.js';
export { inline, newKey, type FileOptions, type Submission, type SubmitOptions, type Submitted } from './submit.js';
export type { UploadOptions } from './upload.js';
export type { JobEvent, WatchOptions } from './watch.js';
export { verifyWebhook, type VerifyOptions, type WebhookHeaders } from './webhook.js';
