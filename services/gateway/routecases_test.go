package gateway_test

import "github.com/millrace/millrace/pkg/identity"

// routeCase is how the tests of access ask a route, and who may.
type routeCase struct {
	method, path string
	// ask is the path with names of things of tenant a: {job}, {letter},
	// {operation}, {pipeline}, {digest}, {upload}. Empty means path.
	ask     string
	body    string
	headers []string
	// scopes are those of which one is needed. open needs none and no key, known any
	// key.
	scopes      []identity.Scope
	open, known bool
	// mill is for the whole mill only.
	mill bool
	// makes is true when the request makes something of one's own, whatever others
	// have.
	makes bool
}

func (r routeCase) name() string { return r.method + " " + r.path }

// routeCases has a row for every route. A route that has none makes a test fail.
func routeCases() []routeCase {
	read, submit, control := []identity.Scope{identity.Read}, []identity.Scope{identity.Submit}, []identity.Scope{identity.Control}
	admin, either := []identity.Scope{identity.Admin}, []identity.Scope{identity.Read, identity.Submit}
	all := []routeCase{
		{method: "GET", path: "/v1", known: true},
		{method: "POST", path: "/v1/jobs", body: oneFile, scopes: submit, makes: true},
		{method: "GET", path: "/v1/jobs", scopes: read},
		{method: "GET", path: "/v1/jobs/{id}", ask: "/v1/jobs/{job}", scopes: read},
		{method: "HEAD", path: "/v1/jobs/{id}", ask: "/v1/jobs/{job}", scopes: read},
		{method: "GET", path: "/v1/jobs/{id}/events", ask: "/v1/jobs/{job}/events", scopes: read},
		{method: "GET", path: "/v1/jobs/{id}/explain", ask: "/v1/jobs/{job}/explain", scopes: read},
		{method: "GET", path: "/v1/jobs/{id}/rollback", ask: "/v1/jobs/{job}/rollback", scopes: read},
		{method: "POST", path: "/v1/jobs/{id}/accept", ask: "/v1/jobs/{job}/accept", scopes: []identity.Scope{identity.Decide}},
		{method: "POST", path: "/v1/jobs/{id}/rollback", ask: "/v1/jobs/{job}/rollback", scopes: []identity.Scope{identity.Rollback}},
		{method: "GET", path: "/v1/events", scopes: read},
		{method: "GET", path: "/v1/decisions", scopes: read},
		{method: "GET", path: "/v1/decisions/{id}", ask: "/v1/decisions/{job}.keep", scopes: read},
		{
			method: "POST", path: "/v1/decisions/{id}", ask: "/v1/decisions/{job}.keep", body: `{"choice":"retry"}`,
			headers: []string{"If-Match", `"1"`}, scopes: []identity.Scope{identity.Decide},
		},
		{method: "GET", path: "/v1/deadletters", scopes: read},
		{method: "GET", path: "/v1/deadletters/{id}", ask: "/v1/deadletters/{letter}", scopes: read},
		{method: "POST", path: "/v1/deadletters/{id}/redrive", ask: "/v1/deadletters/{letter}/redrive", scopes: control},
		{method: "DELETE", path: "/v1/deadletters/{id}", ask: "/v1/deadletters/{letter}?reason=x", scopes: control},
		{
			method: "POST", path: "/v1/operations", scopes: control, makes: true,
			body: `{"verb":"retry","reason":"why","filter":{"state":["attention"]}}`,
		},
		{method: "GET", path: "/v1/operations", scopes: read},
		{method: "GET", path: "/v1/operations/{id}", ask: "/v1/operations/{operation}", scopes: read},
		{method: "GET", path: "/v1/operations/{id}/items", ask: "/v1/operations/{operation}/items", scopes: read},
		{method: "POST", path: "/v1/operations/{id}/stop", ask: "/v1/operations/{operation}/stop", scopes: control},
		{method: "POST", path: "/v1/operations/{id}/resume", ask: "/v1/operations/{operation}/resume", scopes: control},
		{method: "POST", path: "/v1/artifacts", scopes: submit, makes: true},
		{method: "GET", path: "/v1/artifacts/{digest}", ask: "/v1/artifacts/{digest}", scopes: read},
		{
			method: "HEAD", path: "/v1/artifacts/{digest}", ask: "/v1/artifacts/{digest}",
			scopes: either,
		},
		{method: "GET", path: "/v1/pipelines", scopes: either},
		{method: "GET", path: "/v1/pipelines/{name}", ask: "/v1/pipelines/{pipeline}", scopes: either},
		{method: "PUT", path: "/v1/pipelines/{name}", ask: "/v1/pipelines/{pipeline}", body: "{}", scopes: admin, makes: true},
		{method: "GET", path: "/v1/pipelines/{name}/versions", ask: "/v1/pipelines/{pipeline}/versions", scopes: read},
		{method: "POST", path: "/v1/pipelines:check", scopes: read},
		{method: "GET", path: "/v1/stages", scopes: read},
		{method: "GET", path: "/v1/stages/{name}", ask: "/v1/stages/absent", scopes: read},
		{method: "GET", path: "/v1/whoami", known: true},
		{method: "POST", path: "/v1/keys", body: `{"name":"k","scopes":["read"]}`, scopes: admin, makes: true},
		{method: "GET", path: "/v1/keys", scopes: admin},
		{method: "DELETE", path: "/v1/keys/{id}", ask: "/v1/keys/{key}?reason=x", scopes: admin},
		{method: "GET", path: "/v1/stats", scopes: read},
		{method: "GET", path: "/v1/stats/failures", scopes: read},
		{method: "GET", path: "/v1/stats/recovery", scopes: read},
		{method: "GET", path: "/v1/stats/throughput", scopes: read},
		{method: "GET", path: "/v1/view", scopes: read, mill: true},
		{method: "POST", path: "/v1/view/rebuild", scopes: admin, mill: true},
		{method: "GET", path: "/", open: true},
		{method: "GET", path: "/assets/{file}", open: true},
		{method: "GET", path: "/livez", open: true},
		{method: "GET", path: "/readyz", open: true},
		{method: "GET", path: "/version", open: true},
		{method: "GET", path: "/openapi.json", open: true},
		{method: "GET", path: "/openapi.yaml", open: true},
	}
	all = append(all, append(uploadCases(submit), checkpointCases(read)...)...)
	for _, verb := range []string{"cancel", "retry", "abandon", "pause", "resume", "skip", "rerun"} {
		all = append(all, routeCase{
			method: "POST", path: "/v1/jobs/{id}/" + verb, ask: "/v1/jobs/{job}/" + verb, scopes: control,
		})
	}
	all = append(all, hookCases()...)
	all = append(all, millCases(read, admin)...)
	for i := range all {
		if all[i].ask == "" {
			all[i].ask = all[i].path
		}
	}
	return all
}

// millCases are those of what belongs to no tenant, and the audit of all there is.
func millCases(read, admin []identity.Scope) []routeCase {
	return []routeCase{
		{method: "GET", path: "/v1/audit", scopes: admin},
		{method: "GET", path: "/v1/rules", scopes: read, mill: true},
		{method: "GET", path: "/v1/rules/{name}", ask: "/v1/rules/x", scopes: read, mill: true},
		{method: "PUT", path: "/v1/rules/{name}", ask: "/v1/rules/x", body: "{}", scopes: admin, mill: true},
		{method: "DELETE", path: "/v1/rules/{name}", ask: "/v1/rules/x?reason=x", scopes: admin, mill: true},
		{method: "GET", path: "/v1/rules/{name}/history", ask: "/v1/rules/x/history", scopes: read, mill: true},
		{method: "GET", path: "/v1/breakers", scopes: read, mill: true},
		{method: "GET", path: "/v1/consumers", scopes: read, mill: true},
		{method: "GET", path: "/metrics", scopes: read, mill: true},
		{method: "GET", path: "/v1/faults/{code}", ask: "/v1/faults/s3.full", known: true},
	}
}

// checkpointCases are those of checkpoints.
func checkpointCases(read []identity.Scope) []routeCase {
	const path, ask = "/v1/jobs/{id}/steps/{step}/checkpoints", "/v1/jobs/{job}/steps/keep/checkpoints"
	return []routeCase{
		{method: "GET", path: path, ask: ask, scopes: read},
		{method: "GET", path: path + "/{position}", ask: ask + "/1", scopes: read},
	}
}

// uploadCases are those of uploads.
func uploadCases(submit []identity.Scope) []routeCase {
	return []routeCase{
		{method: "PUT", path: "/v1/artifacts/{digest}", ask: "/v1/artifacts/{digest}", scopes: submit, makes: true},
		{method: "OPTIONS", path: "/v1/uploads/", open: true},
		{method: "OPTIONS", path: "/v1/uploads/{id}", ask: "/v1/uploads/{upload}", open: true},
		{
			method: "POST", path: "/v1/uploads/", scopes: submit, makes: true,
			headers: []string{"Tus-Resumable", "1.0.0", "Upload-Length", "1"},
		},
		{
			method: "HEAD", path: "/v1/uploads/{id}", ask: "/v1/uploads/{upload}", scopes: submit,
			headers: []string{"Tus-Resumable", "1.0.0"},
		},
		{
			method: "PATCH", path: "/v1/uploads/{id}", ask: "/v1/uploads/{upload}", scopes: submit,
			headers: []string{"Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream"},
		},
		{
			method: "DELETE", path: "/v1/uploads/{id}", ask: "/v1/uploads/{upload}", scopes: submit,
			headers: []string{"Tus-Resumable", "1.0.0"},
		},
	}
}

// hookCases are those of webhooks.
func hookCases() []routeCase {
	read, control, admin := []identity.Scope{identity.Read}, []identity.Scope{identity.Control}, []identity.Scope{identity.Admin}
	return []routeCase{
		{method: "POST", path: "/v1/webhooks", body: `{"url":"https://example.com/x"}`, scopes: admin, makes: true},
		{method: "GET", path: "/v1/webhooks", scopes: read},
		{method: "GET", path: "/v1/webhooks/{id}", ask: "/v1/webhooks/{webhook}", scopes: read},
		{method: "PATCH", path: "/v1/webhooks/{id}", ask: "/v1/webhooks/{webhook}", body: "{}", scopes: admin},
		{method: "POST", path: "/v1/webhooks/{id}/rotate", ask: "/v1/webhooks/{webhook}/rotate", scopes: admin},
		{method: "POST", path: "/v1/webhooks/{id}/test", ask: "/v1/webhooks/{webhook}/test", scopes: control},
		{
			method: "POST", path: "/v1/webhooks/{id}/replay", ask: "/v1/webhooks/{webhook}/replay", scopes: control,
			body: `{"since":"2026-01-02T03:04:05Z"}`,
		},
		{method: "GET", path: "/v1/deliveries", scopes: read},
		{method: "GET", path: "/v1/deliveries/{id}", ask: "/v1/deliveries/{delivery}", scopes: read},
		{method: "POST", path: "/v1/deliveries/{id}/replay", ask: "/v1/deliveries/{delivery}/replay", scopes: control},
		{method: "DELETE", path: "/v1/webhooks/{id}", ask: "/v1/webhooks/{webhook}", scopes: admin},
	}
}
