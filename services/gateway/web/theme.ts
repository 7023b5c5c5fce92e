const key = 'millrace.theme'

export type Theme = 'auto' | 'light' | 'dark'

const themes: Theme[] = ['auto', 'light', 'dark']

/** theme is what was chosen. */
export const theme = (): Theme => themes.find((t) => t === localStorage.getItem(key)) ?? 'auto'

/** wear shows the page in its theme: auto is what the system has. */
export function wear(t: Theme = theme()): void {
	if (t === 'auto') {
		localStorage.removeItem(key)
		delete document.documentElement.dataset['theme']
	} else {
		localStorage.setItem(key, t)
		document.documentElement.dataset['theme'] = t
	}
}

/** nextTheme is the one after this. */
export const nextTheme = (): Theme => themes[(themes.indexOf(theme()) + 1) % themes.length]!
