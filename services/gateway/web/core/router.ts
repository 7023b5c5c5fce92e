import { redraw, type Child } from './dom'

/** A Page is what is shown at an address behind the #. */
export interface Page {
	/** title is also that of the window. */
	title: string
	view(): Child
	/** turn is told when only the query changes. */
	turn?(query: URLSearchParams): void
	leave?(): void
}

/** Make makes the page of an address from the parts of its path. */
export type Make = (parts: string[], query: URLSearchParams) => Page

let current: Page | undefined
let path = ''

/** page is the page to show. */
export const page = (): Page | undefined => current

/** place is the path of the page to show, without the query. */
export const place = (): string => path

/** address splits what is behind the #. */
function address(): { path: string; query: URLSearchParams } {
	const [p = '', q = ''] = location.hash.replace(/^#\/?/, '').split('?')
	return { path: p || 'jobs', query: new URLSearchParams(q) }
}

/** route shows the page of the address from now on. */
export function route(makes: Record<string, Make>): void {
	const turn = () => {
		const at = address()
		if (current?.turn && at.path === path) {
			current.turn(at.query)
			redraw()
			return
		}
		current?.leave?.()
		path = at.path
		const parts = at.path.split('/').map(decodeURIComponent)
		const make = makes[parts[0]! + (parts.length > 1 ? '/' : '')] ?? makes['']!
		current = make(parts.slice(1), at.query)
		window.scrollTo(0, 0)
		redraw()
	}
	window.addEventListener('hashchange', turn)
	turn()
}

const told: (() => void)[] = []

/** onAgain is told when somebody else uses the page. */
export const onAgain = (f: () => void): void => { told.push(f) }

/** again makes the page anew, for another principal. */
export function again(): void {
	for (const f of told) f()
	path = ''
	window.dispatchEvent(new HashChangeEvent('hashchange'))
}

/** go leads to an address; replace leaves no trace in the history. */
export function go(to: string, replace = false): void {
	if (replace) {
		history.replaceState(null, '', '#/' + to)
		window.dispatchEvent(new HashChangeEvent('hashchange'))
	} else {
		location.hash = '#/' + to
	}
}
