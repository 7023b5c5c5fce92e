/** pages are the items of all pages of a list, which are asked for as they are needed. */
export async function* pages<P, T>(
	cursor: string | undefined, ask: (cursor?: string) => Promise<P>, items: (page: P) => T[], next: (page: P) => string | undefined,
): AsyncGenerator<T, void> {
	for (let at = cursor; ;) {
		const page = await ask(at)
		yield* items(page)
		at = next(page)
		if (!at) return
	}
}
