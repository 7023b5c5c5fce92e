/** encode64 writes bytes in base64. */
export function encode64(bytes: Uint8Array): string {
	let s = ''
	for (let at = 0; at < bytes.length; at += 4096) s += String.fromCharCode(...bytes.subarray(at, at + 4096))
	return btoa(s)
}

/** decode64 reads base64, or returns undefined for what is none. */
export function decode64(text: string): Uint8Array<ArrayBuffer> | undefined {
	try {
		return Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
	} catch {
		return undefined
	}
}
