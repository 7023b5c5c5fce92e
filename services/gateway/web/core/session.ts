// Who uses the page. A key lives as long as the tab does, and goes nowhere but into
// the header Authorization.

const keyOf = { token: 'millrace.token', tenant: 'millrace.tenant' }

/** session is whom the requests of this tab are for. */
export const session = {
	/** refused is set when the gateway wants to know who asks. */
	refused: false,
	get token(): string { return sessionStorage.getItem(keyOf.token) ?? '' },
	get tenant(): string { return sessionStorage.getItem(keyOf.tenant) ?? '' },
	begin(token: string, tenant: string): void {
		put(keyOf.token, token)
		put(keyOf.tenant, tenant)
		this.refused = false
	},
	end(): void {
		put(keyOf.token, '')
		this.refused = true
	},
	/** headers are those that every request has. */
	headers(): Record<string, string> {
		const h: Record<string, string> = {}
		if (this.token) h['Authorization'] = 'Bearer ' + this.token
		if (this.tenant) h['Millrace-Tenant'] = this.tenant
		return h
	},
}

function put(key: string, value: string): void {
	if (value) sessionStorage.setItem(key, value)
	else sessionStorage.removeItem(key)
}
