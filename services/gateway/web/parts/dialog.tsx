import { h, redraw, type Child } from '../core/dom'
import { problemOf, type Problem } from '../core/http'
import { Icon } from './icons'
import { ProblemNote } from './words'

/** A Dialog asks for something before it is done. */
export interface Dialog {
	title: string
	/** action is what the button says that does it; empty for a dialog that only shows. */
	action?: string
	danger?: boolean
	wide?: boolean
	/** ready is false while something is missing. */
	ready?(): boolean
	view(): Child
	/** run does it. Its end closes the dialog, a Problem stays to be read. */
	run?(): Promise<void>
	close?(): void
}

let open: Dialog | undefined
let busy = false
let problem: Problem | undefined
let before: Element | null = null

/** ask opens a dialog. */
export function ask(d: Dialog): void {
	before = document.activeElement
	open?.close?.()
	open = d
	busy = false
	problem = undefined
	redraw()
}

/** dismiss closes the dialog that is open. */
export function dismiss(): void {
	open?.close?.()
	open = undefined
	// While it is modal nothing behind it takes the focus.
	document.querySelector('dialog')?.close()
	redraw()
	if (before instanceof HTMLElement && before.isConnected) before.focus()
}

async function run(d: Dialog): Promise<void> {
	if (busy || d.ready?.() === false) return
	busy = true
	problem = undefined
	redraw()
	try {
		await d.run!()
		if (open === d) dismiss()
	} catch (err) {
		if (open === d) problem = problemOf(err)
	} finally {
		busy = false
		redraw()
	}
}

/** DialogHost is where the dialog is shown. */
export const DialogHost = (): Child => {
	const d = open
	if (!d) return null
	return <dialog key={d.title} class={d.wide ? 'wide' : ''} aria-labelledby="dialog-title"
		created={(el: HTMLDialogElement) => el.showModal()}
		oncancel={(e: Event) => { e.preventDefault(); dismiss() }}
		onmousedown={(e: MouseEvent) => { if (e.target === e.currentTarget) dismiss() }}>
		<form method="dialog" onsubmit={(e: Event) => { e.preventDefault(); if (d.run) void run(d); else dismiss() }}>
			<div class="dialog-head"><h2 id="dialog-title">{d.title}</h2>
				<button type="button" class="icon-button" aria-label="Close" onclick={dismiss}><Icon name="close" /></button></div>
			<div class="dialog-body">{d.view()}<ProblemNote problem={problem} /></div>
			{d.action ? <div class="dialog-foot">
				<button type="button" class="button" onclick={dismiss}>Not now</button>
				<button type="submit" class={'button ' + (d.danger ? 'danger' : 'primary')} disabled={busy || d.ready?.() === false}>
					{busy ? 'One moment…' : d.action}</button>
			</div> : null}
		</form>
	</dialog>
}

/** ReasonField asks why. */
export const ReasonField = (p: { value: string; set: (s: string) => void; needed?: boolean }) =>
	<label class="field"><span>Reason{p.needed ? '' : <i> optional, kept in the history</i>}</span>
		<textarea rows="2" maxlength="1000" name="reason" required={p.needed} value={p.value}
			oninput={(e: any) => p.set(e.target.value)} /></label>
