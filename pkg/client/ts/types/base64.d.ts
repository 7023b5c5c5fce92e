/** encode64 writes bytes in base64. */
export declare function encode64(bytes: Uint8Array): string;
/** decode64 reads base64, or returns undefined for what is none. */
export declare function decode64(text: string): Uint8Array<ArrayBuffer> | undefined;
