import type { Child, VNode } from './dom'

declare global {
	namespace JSX {
		type Element = VNode
		// A component gives whatever can be shown.
		type ElementType = string | ((props: any) => Child)
		interface ElementChildrenAttribute { children: {} }
		interface IntrinsicAttributes { key?: string | number }
		// Every element takes every attribute: the browser is the judge of those.
		interface IntrinsicElements { [tag: string]: any }
	}
}
