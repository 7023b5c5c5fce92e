/** Query is what is asked for in an address. A list has commas between, and a map is NAME.KEY=VALUE. */
export type Query = object

/** queryString writes a query as the API reads it, with its question mark. What is undefined is left out. */
export function queryString(query: Query = {}): string {
	const q = new URLSearchParams()
	for (const [name, value] of Object.entries(query)) {
		if (value === undefined || value === null || value === '') continue
		if (Array.isArray(value)) {
			if (value.length) q.set(name, value.join(','))
		} else if (typeof value === 'object') {
			for (const [key, v] of Object.entries(value)) q.set(name + '.' + key, String(v))
		} else {
			q.set(name, String(value))
		}
	}
	const s = q.toString()
	return s && '?' + s
}

/** pathOf writes a path of parts, each escaped. */
export function pathOf(...parts: string[]): string {
	return '/v1/' + parts.map(encodeURIComponent).join('/')
}

/** etag writes a version as If-Match and If-None-Match have it. */
export function etag(version: number | string): string { return '"' + version + '"' }
