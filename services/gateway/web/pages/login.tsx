import { h, redraw, type Child } from '../core/dom'
import { call, problemOf, type Problem } from '../core/http'
import { again } from '../core/router'
import { session } from '../core/session'
import { Mark } from '../parts/icons'
import { ProblemNote } from '../parts/words'

let token = '', tenant = '', busy = false
let problem: Problem | undefined

async function begin(): Promise<void> {
	busy = true
	session.begin(token.trim(), tenant.trim())
	try {
		await call('GET', '/v1')
		token = ''
		problem = undefined
		again()
	} catch (err) {
		problem = problemOf(err)
		session.end()
	} finally {
		busy = false
		redraw()
	}
}

/** Login asks who it is. The key stays in this tab. */
export const Login = (): Child => <main class="login" tabindex="-1">
	<form class="card" onsubmit={(e: Event) => { e.preventDefault(); if (token.trim() && !busy) void begin() }}>
		<div class="brand"><Mark /><h1>Millrace</h1></div>
		<p class="muted">This mill wants to know who asks. A key is made with <code>millrace key create</code>.</p>
		<label class="field"><span>API key</span><input type="password" name="token" autocomplete="off" spellcheck="false" required value={token} oninput={(e: any) => { token = e.target.value }} /></label>
		<label class="field"><span>Tenant <i>only for keys of the whole mill</i></span><input name="tenant" autocomplete="off" value={tenant} oninput={(e: any) => { tenant = e.target.value }} /></label>
		<ProblemNote problem={problem} />
		<button type="submit" class="button primary" disabled={busy || !token.trim()}>{busy ? 'One moment…' : 'Come in'}</button>
		<p class="muted small">The key is kept in this tab until it is closed, and is sent to this mill only.</p>
	</form>
</main>
