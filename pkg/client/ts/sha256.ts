/**
 * SHA256 is the digest of bytes that come piece by piece. crypto.subtle has none: it wants
 * all of them at once, and is not there on pages without TLS.
 */
export class SHA256 {
	private readonly state = Int32Array.of(
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19)
	private readonly block = new Uint8Array(64)
	private readonly words = new Int32Array(64)
	private length = 0

	/** add takes more bytes. */
	add(bytes: Uint8Array): this {
		let at = 0
		let filled = this.length % 64
		this.length += bytes.length
		if (filled) {
			at = Math.min(64 - filled, bytes.length)
			this.block.set(bytes.subarray(0, at), filled)
			filled += at
			if (filled < 64) return this
			this.mix(this.block, 0)
		}
		for (; at + 64 <= bytes.length; at += 64) this.mix(bytes, at)
		this.block.set(bytes.subarray(at))
		return this
	}

	/** digest is 'sha256:' and 64 hex digits, as the store names content. Nothing is added after it. */
	digest(): string {
		const size = this.length
		const end = new Uint8Array((size % 64 < 56 ? 64 : 128) - size % 64)
		end[0] = 0x80
		const tail = new DataView(end.buffer, end.length - 8)
		tail.setUint32(0, Math.floor(size / 2 ** 29))
		tail.setUint32(4, (size * 8) % 2 ** 32)
		this.add(end)
		return 'sha256:' + Array.from(this.state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
	}

	/** mix takes the 64 bytes at a place into the state. */
	private mix(bytes: Uint8Array, at: number): void {
		const w = this.words
		for (let i = 0; i < 16; i++, at += 4) {
			w[i] = bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!
		}
		for (let i = 16; i < 64; i++) {
			const x = w[i - 15]!, y = w[i - 2]!
			const s0 = turned(x, 7) ^ turned(x, 18) ^ x >>> 3
			const s1 = turned(y, 17) ^ turned(y, 19) ^ y >>> 10
			w[i] = w[i - 16]! + s0 + w[i - 7]! + s1
		}
		const s = this.state
		let a = s[0]!, b = s[1]!, c = s[2]!, d = s[3]!, e = s[4]!, f = s[5]!, g = s[6]!, h = s[7]!
		for (let i = 0; i < 64; i++) {
			const s1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)
			const t1 = h + s1 + (e & f ^ ~e & g) + rounds[i]! + w[i]! | 0
			const s0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)
			const t2 = s0 + (a & b ^ a & c ^ b & c) | 0
			h = g; g = f; f = e; e = d + t1 | 0
			d = c; c = b; b = a; a = t1 + t2 | 0
		}
		s[0]! += a; s[1]! += b; s[2]! += c; s[3]! += d
		s[4]! += e; s[5]! += f; s[6]! += g; s[7]! += h
	}
}

const turned = (x: number, by: number) => x >>> by | x << 32 - by

/** rounds are the first 32 bits of the fractions of the cube roots of the first 64 primes. */
const rounds = fractions(64)

function fractions(n: number): Int32Array {
	const out = new Int32Array(n)
	for (let found = 0, candidate = 2; found < n; candidate++) {
		let prime = true
		for (let d = 2; d * d <= candidate; d++) if (candidate % d === 0) prime = false
		if (prime) out[found++] = Math.cbrt(candidate) % 1 * 2 ** 32
	}
	return out
}
