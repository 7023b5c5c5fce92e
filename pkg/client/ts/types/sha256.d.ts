/**
 * SHA256 is the digest of bytes that come piece by piece. crypto.subtle has none: it wants
 * all of them at once, and is not there on pages without TLS.
 */
export declare class SHA256 {
    private readonly state;
    private readonly block;
    private readonly words;
    private length;
    /** add takes more bytes. */
    add(bytes: Uint8Array): this;
    /** digest is 'sha256:' and 64 hex digits, as the store names content. Nothing is added after it. */
    digest(): string;
    /** mix takes the 64 bytes at a place into the state. */
    private mix;
}
