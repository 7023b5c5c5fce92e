// A small rendering layer: views are functions that return a description of what is
// to be seen, and patch changes the document until it is that. Only what differs is
// touched, so focus, scrolling and what is being typed stay as they are. Everything is
// set as text or as an attribute, never as markup.

export type Child = VNode | string | number | boolean | null | undefined | Child[]

type Props = Record<string, any>
type Component = (props: any) => Child

/** A description of an element, or of a text when tag is empty. */
export interface VNode {
	tag: string
	key?: string | number
	props: Props
	text: string
	children: VNode[]
	el?: Node
}

const svg = 'http://www.w3.org/2000/svg'

/** h is what JSX is compiled to. */
export function h(tag: string | Component, props: Props | null, ...children: Child[]): VNode {
	const given = props ?? {}
	if (typeof tag === 'function') {
		const made = tag({ ...given, children })
		const list = flatten([made])
		const one = list.length === 1 ? list[0]! : h('div', { class: 'group' }, list)
		if (given.key !== undefined && one.key === undefined) one.key = given.key
		return one
	}
	return { tag, key: given.key, props: given, text: '', children: flatten(children) }
}

/** flatten turns children into nodes. What is absent keeps its place as an empty text. */
function flatten(children: Child[], into: VNode[] = []): VNode[] {
	for (const c of children) {
		if (Array.isArray(c)) flatten(c, into)
		else if (c && typeof c === 'object') into.push(c)
		else into.push({ tag: '', props: {}, text: c === null || c === undefined || typeof c === 'boolean' ? '' : String(c), children: [] })
	}
	return into
}

/** patch makes the children of an element those that are described. */
export function patch(parent: Element, before: VNode[], view: Child): VNode[] {
	const after = flatten([view])
	patchChildren(parent, before, after)
	return after
}

function patchChildren(parent: Element, before: VNode[], after: VNode[]): void {
	const keyed = new Map<string | number, VNode>()
	const loose: VNode[] = []
	for (const n of before) {
		if (n.key !== undefined && !keyed.has(n.key)) keyed.set(n.key, n)
		else loose.push(n)
	}
	const pairs = after.map((n) => pair(n, keyed, loose))
	for (const n of [...keyed.values(), ...loose]) discard(n)
	let at: Node | null = parent.firstChild
	after.forEach((n, i) => {
		const old = pairs[i]
		if (old) update(old, n)
		else create(n, parent)
		if (n.el === at) at = at!.nextSibling
		else parent.insertBefore(n.el!, at)
	})
}

/** pair takes the old node that a new one continues out of the pools. */
function pair(n: VNode, keyed: Map<string | number, VNode>, loose: VNode[]): VNode | undefined {
	if (n.key !== undefined) {
		const old = keyed.get(n.key)
		if (!old || old.tag !== n.tag) return undefined
		keyed.delete(n.key)
		return old
	}
	const i = loose.findIndex((o) => o.tag === n.tag)
	return i < 0 ? undefined : loose.splice(i, 1)[0]
}

function discard(n: VNode): void {
	n.props.removed?.(n.el)
	n.children.forEach(forget)
	n.el!.parentNode?.removeChild(n.el!)
}

function forget(n: VNode): void {
	n.props.removed?.(n.el)
	n.children.forEach(forget)
}

function create(n: VNode, parent: Element): void {
	if (n.tag === '') {
		n.el = document.createTextNode(n.text)
		return
	}
	const el = n.tag === 'svg' || parent.namespaceURI === svg && parent.tagName !== 'foreignObject'
		? document.createElementNS(svg, n.tag) : document.createElement(n.tag)
	n.el = el
	patchChildren(el, [], n.children)
	for (const name in n.props) set(el, name, n.props[name], undefined)
	if (n.props.created) queueMicrotask(() => n.props.created(el))
}

function update(old: VNode, n: VNode): void {
	n.el = old.el
	if (n.tag === '') {
		if (n.text !== old.text) n.el!.nodeValue = n.text
		return
	}
	const el = n.el as Element
	patchChildren(el, old.children, n.children)
	for (const name in old.props) if (!(name in n.props)) set(el, name, undefined, old.props[name])
	for (const name in n.props) set(el, name, n.props[name], old.props[name])
}

const properties = new Set(['value', 'checked', 'disabled', 'open', 'indeterminate'])

function set(el: any, name: string, value: any, old: any): void {
	if (name === 'key' || name === 'created' || name === 'removed' || name === 'children') return
	if (name.startsWith('on')) {
		el[name] = value ? (event: Event) => { value(event); redraw() } : null
	} else if (name === 'style') {
		for (const p in old) if (!value || !(p in value)) el.style.removeProperty(p)
		for (const p in value) if (!old || old[p] !== value[p]) el.style.setProperty(p, value[p])
	} else if (properties.has(name) && el.tagName !== 'OPTION') {
		// Somebody may have typed meanwhile: what counts is what the element has.
		if (name === 'open' ? value !== old : el[name] !== (value ?? '')) el[name] = value ?? (name === 'value' ? '' : false)
	} else if (value !== old) {
		if (value === undefined || value === null || value === false) el.removeAttribute(name)
		else el.setAttribute(name, value === true ? '' : String(value))
	}
}

let render: () => void = () => {}
let asked = false

/** mount shows a view below an element, and again at each redraw. */
export function mount(root: Element, view: () => Child): void {
	let nodes: VNode[] = []
	render = () => { nodes = patch(root, nodes, view()) }
	render()
}

/** redraw asks for a look at everything soon. It may be called as often as one likes. */
export function redraw(): void {
	if (asked) return
	asked = true
	const run = () => { asked = false; render() }
	if (document.hidden) setTimeout(run, 50)
	else requestAnimationFrame(run)
}
