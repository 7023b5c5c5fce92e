import { h, redraw, type Child } from '../core/dom'
import { openSubmit } from './form'
import { underWay } from './tray'

let over = 0

const hasFiles = (e: DragEvent): boolean => !!e.dataTransfer && [...e.dataTransfer.types].includes('Files')

/** catchDrops takes files that are dropped anywhere on the page. */
export function catchDrops(): void {
	const count = (by: number) => (e: DragEvent) => {
		if (!hasFiles(e)) return
		e.preventDefault()
		over = Math.max(0, over + by)
		redraw()
	}
	window.addEventListener('dragenter', count(1))
	window.addEventListener('dragleave', count(-1))
	window.addEventListener('dragover', (e) => { if (hasFiles(e)) e.preventDefault() })
	window.addEventListener('drop', (e) => {
		if (!hasFiles(e)) return
		e.preventDefault()
		over = 0
		openSubmit(e.dataTransfer!.files)
	})
	window.addEventListener('beforeunload', (e) => { if (underWay()) e.preventDefault() })
}

/** DropSign says that files can be let go. */
export const DropSign = (): Child => over ? <div class="drop-sign" aria-hidden="true"><div>Drop to submit</div></div> : null
