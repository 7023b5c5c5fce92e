/** A Line of a difference: in both texts, only in the first, or only in the second. */
export interface Line { kind: 'same' | 'gone' | 'new'; text: string; before?: number; after?: number }

/** diff compares two texts line by line, by the longest sequence of lines that both have. */
export function diff(a: string, b: string): Line[] {
	const x = a.replace(/\n$/, '').split('\n'), y = b.replace(/\n$/, '').split('\n')
	const length: Uint16Array[] = Array.from({ length: x.length + 1 }, () => new Uint16Array(y.length + 1))
	for (let i = x.length - 1; i >= 0; i--) {
		for (let j = y.length - 1; j >= 0; j--) {
			length[i]![j] = x[i] === y[j] ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!)
		}
	}
	const lines: Line[] = []
	let i = 0, j = 0
	while (i < x.length || j < y.length) {
		if (i < x.length && j < y.length && x[i] === y[j]) lines.push({ kind: 'same', text: x[i++]!, before: i, after: ++j })
		else if (i < x.length && (j >= y.length || length[i + 1]![j]! >= length[i]![j + 1]!)) lines.push({ kind: 'gone', text: x[i++]!, before: i })
		else lines.push({ kind: 'new', text: y[j++]!, after: j })
	}
	return lines
}
