// How numbers, times and words are shown. All of it is text.

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** bytes is a size for people. */
export function bytes(n: number): string {
	let i = 0
	for (; n >= 1024 && i < units.length - 1; i++) n /= 1024
	return (i === 0 || n >= 100 ? n.toFixed(0) : n.toFixed(1)) + ' ' + units[i]
}

/** amount is how much of a unit there is. */
export function amount(n: number, unit?: string): string {
	return !unit || unit === 'bytes' || unit === 'B' ? bytes(n) : count(n) + ' ' + unit
}

/** count is a number with thin spaces between thousands. */
export function count(n: number): string {
	return Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, '\u202f')
}

/** plural is a number and its word. */
export function plural(n: number, one: string, many = one + 's'): string {
	return count(n) + ' ' + (n === 1 ? one : many)
}

/** span is a length of time, given in milliseconds. */
export function span(ms: number): string {
	if (!isFinite(ms) || ms < 0) ms = 0
	if (ms < 1000) return Math.round(ms) + ' ms'
	const s = ms / 1000
	if (s < 60) return (s < 10 ? s.toFixed(1) : s.toFixed(0)) + ' s'
	const m = Math.floor(s / 60)
	if (m < 60) return m + ' min' + (m < 10 ? ' ' + Math.floor(s % 60) + ' s' : '')
	const hours = Math.floor(m / 60)
	if (hours < 48) return hours + ' h ' + (m % 60) + ' min'
	return Math.floor(hours / 24) + ' days'
}

/** since is how long ago something was, or how soon it is. */
export function since(time: string, now = Date.now()): string {
	const ms = now - Date.parse(time)
	if (Math.abs(ms) < 5000) return 'now'
	return ms < 0 ? 'in ' + span(-ms) : brief(ms) + ' ago'
}

function brief(ms: number): string {
	const s = Math.floor(ms / 1000)
	if (s < 60) return s + ' s'
	if (s < 3600) return Math.floor(s / 60) + ' min'
	if (s < 48 * 3600) return Math.floor(s / 3600) + ' h'
	return Math.floor(s / 86400) + ' days'
}

/** clock is a time of day, with the date unless that is today. */
export function clock(time: string, fine = false): string {
	const t = new Date(time)
	const o: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }
	if (fine) o.fractionalSecondDigits = 3
	const day = t.toDateString() === new Date().toDateString() ? '' : t.toLocaleDateString(undefined, { month: 'short', day: 'numeric' }) + ' '
	return day + t.toLocaleTimeString(undefined, o)
}

/** full is a time as the log has it. */
export const full = (time: string): string => new Date(time).toISOString().replace('T', ' ').replace('Z', ' UTC')

/** took is how long a job has taken, or has been at it. */
export function took(j: { accepted_at: string; finished_at?: string }): string {
	return span((j.finished_at ? Date.parse(j.finished_at) : Date.now()) - Date.parse(j.accepted_at))
}

/** sentence makes one of what the mill says: with a capital, a full stop, and times as clocks here have them. */
export const sentence = (s: string): string => s.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (t) => clock(t))
	.replace(/^./, (c) => c.toUpperCase()) + (/[.!?…]$/.test(s) ? '' : '.')

/** words turns the name of a state or a class into words. */
export const words = (name: string): string => name.replace(/_/g, ' ')

/** title is words with a capital. */
export const title = (name: string): string => words(name).replace(/^./, (c) => c.toUpperCase())

/** short is the beginning of a digest or an id. */
export const short = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12)
