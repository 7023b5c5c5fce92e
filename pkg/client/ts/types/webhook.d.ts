import type * as api from './api_gen.js';
/** WebhookHeaders are those of the request that a webhook came with, as the platform has them. */
export type WebhookHeaders = Headers | {
    [name: string]: string | string[] | undefined;
};
/** VerifyOptions say how exact clocks must be. */
export interface VerifyOptions {
    /** tolerance is by how many seconds the webhook may be too old or too new. 300 if absent. */
    tolerance?: number;
    /** now is the time to compare with. The clock of the machine if absent. */
    now?: Date;
}
/**
 * verifyWebhook returns what a webhook tells, if it was signed by the secret of its endpoint:
 * 'whsec_' and base64, or several while a secret is exchanged. body is what came, byte for
 * byte, before anything has parsed it. The signature is compared in constant time.
 *
 * The same event may come again, as webhooks do: its id says so.
 *
 * Error: client.bad_signature.
 */
export declare function verifyWebhook(body: string | Uint8Array, headers: WebhookHeaders, secret: string | readonly string[], o?: VerifyOptions): Promise<api.Notification>;
