/** A GraphStep is a box of a graph. */
export interface GraphStep { id: string; stage: string; needs?: string[]; state?: string; note?: string; percent?: number; optional?: boolean }

/** A Size is that of a box. */
export interface Size { width: number; height: number }

const box: Size = { width: 196, height: 70 }
const room = { across: 40, down: 26, gap: 14, pass: 10, margin: 12 }

/** slim is how broad a drawing may be that goes downwards, unless boxes get too small to be read. */
const slim = { whole: 322, box: 132, most: 290 }

/** sizeOf is the size of the boxes: where they go downwards, as broad as there is room. */
function sizeOf(columns: Map<string, number>, down: boolean): Size {
	if (!down) return box
	const beside = new Map<number, number>()
	for (const c of columns.values()) beside.set(c, (beside.get(c) ?? 0) + 1)
	const n = Math.max(1, ...beside.values())
	return { ...box, width: Math.max(slim.box, Math.min(slim.most, (slim.whole - 2 * room.margin - (n - 1) * room.gap) / n)) }
}

/**
 * A Place is where a box lies, or with no step a line on its way past a column. Boxes
 * go along from column to column, and lie beside each other in one.
 */
export interface Place { step?: GraphStep; column: number; from: string[]; along: number; middle: number; beside: number; x: number; y: number }

/** A Drawing is where everything lies. Lines are the places that each passes. */
interface Drawing { placed: Place[]; lines: { key: string; state?: string; through: Place[] }[]; width: number; height: number; size: Size }

/** depths are the columns of steps: each behind the last of those that it needs. */
function depths(steps: GraphStep[]): Map<string, number> {
	const column = new Map<string, number>()
	const depth = (s: GraphStep, seen: number): number => {
		const known = column.get(s.id)
		if (known !== undefined || seen > steps.length) return known ?? 0
		const needs = (s.needs ?? []).flatMap((n) => steps.find((o) => o.id === n) ?? [])
		const d = needs.length ? Math.max(...needs.map((o) => depth(o, seen + 1))) + 1 : 0
		column.set(s.id, d)
		return d
	}
	for (const s of steps) depth(s, 0)
	return column
}

/**
 * layout places steps from left to right, or downwards. A line that passes a column
 * has a place of its own there, so that it runs between the boxes. Within a column
 * everything lies near the middle of what it comes from, so that few lines cross.
 */
export function layout(steps: GraphStep[], down: boolean): Drawing {
	const column = depths(steps)
	const size = sizeOf(column, down)
	const [length, breadth, between] = down ? [size.height, size.width, room.down] : [size.width, size.height, room.across]
	const at = new Map<string, Place>()
	const columns: Place[][] = []
	const put = (key: string, step: GraphStep | undefined, c: number, from: string[], beside: number) => {
		const p = { step, column: c, from, along: 0, middle: 0, beside, x: 0, y: 0 }
		at.set(key, p);
		(columns[c] ??= []).push(p)
	}
	const lines: { key: string; state?: string; keys: string[] }[] = []
	for (const s of steps) put(s.id, s, column.get(s.id)!, [], breadth)
	for (const s of steps) {
		for (const need of s.needs ?? []) {
			const source = at.get(need)
			if (!source) continue
			const keys = [need]
			for (let c = source.column + 1; c < column.get(s.id)!; c++) {
				const key = `${need}>${s.id}@${c}`
				put(key, undefined, c, [keys[keys.length - 1]!], room.pass)
				keys.push(key)
			}
			at.get(s.id)!.from.push(keys[keys.length - 1]!)
			lines.push({ key: need + '>' + s.id, state: source.step!.state, keys: [...keys, s.id] })
		}
	}
	const total = (list: Place[]) => list.reduce((sum, p) => sum + p.beside, 0) + (list.length - 1) * room.gap
	const widest = Math.max(breadth, ...columns.map(total))
	columns.forEach((list, i) => {
		const source = (p: Place) => p.from.reduce((sum, f) => sum + at.get(f)!.middle, 0) / (p.from.length || 1)
		let top = room.margin + (widest - total(list)) / 2
		for (const p of [...list].sort((a, b) => source(a) - source(b))) {
			p.along = room.margin + i * (length + between)
			p.middle = top + p.beside / 2;
			[p.x, p.y] = down ? [top, p.along] : [p.along, top]
			top += p.beside + room.gap
		}
	})
	const long = 2 * room.margin + columns.length * (length + between) - between, wide = widest + 2 * room.margin
	return {
		size, placed: [...at.values()].filter((p) => p.step), width: down ? wide : long, height: down ? long : wide,
		lines: lines.map((l) => ({ ...l, through: l.keys.map((k) => at.get(k)!) })),
	}
}

/** path is that of a line through its places. */
export function path(through: Place[], size: Size, down: boolean): string {
	const point = (along: number, middle: number) => down ? `${middle} ${along}` : `${along} ${middle}`
	const length = down ? size.height : size.width
	let d = ''
	through.forEach((p, i) => {
		const before = through[i - 1]
		if (!before) return
		const from = before.along + length, to = p.along - (p.step ? 5 : 0), bend = (to - from) / 2
		// What only passes a column goes straight through it.
		d += `${d ? 'L' : 'M'}${point(from, before.middle)} C${point(from + bend, before.middle)} ${point(to - bend, p.middle)} ${point(to, p.middle)} `
	})
	return d
}
