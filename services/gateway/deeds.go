package gateway

// deed is how the audit knows what a route does.
type deed struct {
	// action names it.
	action string
	// target is the part of the path that names what it is done to. What is made has a
	// name only afterwards.
	target string
	// spared says why the audit knows nothing of the route.
	spared string
}

// does is for routes that decide or change something.
func does(action, target string) deed { return deed{action: action, target: target} }

// Why some routes are not in the audit.
const (
	changesNothing  = "it answers a question and changes nothing"
	jobSaysIt       = "the first record of the job says who submitted it"
	fileDecidesNone = "a file decides nothing; the job that takes it says who submitted it"
)

// deeds has a row for every route whose method may change something. A route that has
// none makes a test fail.
func deeds() map[string]deed {
	all := map[string]deed{
		"POST /v1/jobs":            {spared: jobSaysIt},
		"POST /v1/jobs/{id}/rerun": does("job.rerun", "id"),

		"POST /v1/decisions/{id}":           does("decision.make", "id"),
		"POST /v1/deadletters/{id}/redrive": does("deadletter.redrive", "id"),
		"DELETE /v1/deadletters/{id}":       does("deadletter.drop", "id"),

		"POST /v1/operations":             does("operation.start", ""),
		"POST /v1/operations/{id}/stop":   does("operation.stop", "id"),
		"POST /v1/operations/{id}/resume": does("operation.resume", "id"),

		"POST /v1/artifacts":         {spared: fileDecidesNone},
		"PUT /v1/artifacts/{digest}": {spared: fileDecidesNone},
		"POST /v1/uploads/":          {spared: fileDecidesNone},
		"PATCH /v1/uploads/{id}":     {spared: fileDecidesNone},
		"DELETE /v1/uploads/{id}":    {spared: fileDecidesNone},

		"PUT /v1/pipelines/{name}": does("pipeline.apply", "name"),
		"POST /v1/pipelines:check": {spared: changesNothing},

		"PUT /v1/rules/{name}":    does("rule.set", "name"),
		"DELETE /v1/rules/{name}": does("rule.remove", "name"),

		"POST /v1/keys":        does("key.create", ""),
		"DELETE /v1/keys/{id}": does("key.revoke", "id"),

		"POST /v1/webhooks":               does("webhook.create", ""),
		"PATCH /v1/webhooks/{id}":         does("webhook.change", "id"),
		"DELETE /v1/webhooks/{id}":        does("webhook.delete", "id"),
		"POST /v1/webhooks/{id}/rotate":   does("webhook.rotate", "id"),
		"POST /v1/webhooks/{id}/test":     does("webhook.test", "id"),
		"POST /v1/webhooks/{id}/replay":   does("webhook.replay", "id"),
		"POST /v1/deliveries/{id}/replay": does("delivery.replay", "id"),

		"POST /v1/view/rebuild": does("view.rebuild", ""),
	}
	for _, verb := range []string{"cancel", "retry", "abandon", "pause", "resume", "skip", "accept", "rollback"} {
		all["POST /v1/jobs/{id}/"+verb] = does("job."+verb, "id")
	}
	return all
}
