/** Message is one server-sent event. */
export interface Message {
    id: string;
    event: string;
    data: string;
}
/**
 * messages reads server-sent events off a body, and tells whenever something came, also a
 * heartbeat. Errors: client.interrupted at the end of the stream, client.bad_answer for an
 * event that is too large.
 */
export declare function messages(body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<Message, never>;
