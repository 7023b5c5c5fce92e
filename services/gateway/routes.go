package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// route is one method of one path.
type route struct {
	api.Route
	handle func(*exchange) error
}

// at makes a route.
func at(method, path string, handle func(*exchange) error, summary string) route {
	return route{api.Route{Method: method, Path: path, Summary: summary}, handle}
}

// table lists every route. Reading routes answer HEAD as well. Who may use a route
// stands in the table of doors, without which it is closed while identity is on.
func (g *Gateway) table() []route {
	return append([]route{
		at("GET", "/v1", g.getIndex, "List the routes."),
		at("POST", "/v1/jobs", g.postJob,
			"Submit a job as JSON, or upload a file and submit it with ?pipeline=."),
		at("GET", "/v1/jobs", g.getJobs, "List, filter, search and sort jobs."),
		at("GET", "/v1/jobs/{id}", g.getJob,
			"Read a job; wait for a change with If-None-Match and Prefer: wait=."),
		at("GET", "/v1/jobs/{id}/events", g.getEvents,
			"Read a job's records, or follow them with Accept: text/event-stream."),
		at("POST", "/v1/jobs/{id}/cancel", g.postCommand, "Stop a job and take back what it did."),
		at("POST", "/v1/jobs/{id}/retry", g.postCommand,
			"Give what is in attention another budget, and do not wait for the next attempt of the rest."),
		at("POST", "/v1/jobs/{id}/abandon", g.postCommand, "Give a job in attention up."),
		at("POST", "/v1/jobs/{id}/pause", g.postCommand, "Finish what is queued and begin nothing new."),
		at("POST", "/v1/jobs/{id}/resume", g.postCommand, "Go on with a job that is paused."),
		at("POST", "/v1/jobs/{id}/skip", g.postCommand,
			"Go on without a step that is in attention or waits for its next attempt."),
		at("POST", "/v1/jobs/{id}/accept", g.postCommand, "Take an undo that failed for done, with a reason."),
		at("POST", "/v1/jobs/{id}/rollback", g.postCommand,
			"Take back what a job that has ended did; name its plan, with the plan's ETag in If-Match."),
		at("GET", "/v1/jobs/{id}/rollback", g.getRollback, "Read what a rollback of a job would do."),
		at("POST", "/v1/jobs/{id}/rerun", g.postRerun,
			"Run a job that has ended again, as another job that reuses what has not changed."),
		at("GET", "/v1/jobs/{id}/explain", g.getExplain,
			"Read why a job and its steps stand where they stand, and what would move them."),
		at("GET", "/v1/events", g.getTenantEvents,
			"Read what happened to all jobs after ?after=, or follow it with Accept: text/event-stream."),
		at("GET", "/v1/decisions", g.getDecisions, "List what people are asked and have not decided."),
		at("GET", "/v1/decisions/{id}", g.getDecision, "Read a decision: what happened, and what can be chosen."),
		at("POST", "/v1/decisions/{id}", g.postDecision,
			"Make a decision, with its ETag in If-Match."),
		at("GET", "/v1/deadletters", g.getDeadLetters,
			"List messages that no consumer could handle, newest first."),
		at("GET", "/v1/deadletters/{id}", g.getDeadLetter, "Read a dead letter and its payload."),
		at("POST", "/v1/deadletters/{id}/redrive", g.postRedrive,
			"Publish the message of a dead letter again, edited or as it was."),
		at("DELETE", "/v1/deadletters/{id}", g.deleteDeadLetter,
			"Say that nothing is to be done about a dead letter, with ?reason=."),
		at("POST", "/v1/operations", g.postOperation,
			"Do something to all jobs, or dead letters, that a filter matches now."),
		at("GET", "/v1/operations", g.getOperations, "List operations, newest first."),
		at("GET", "/v1/operations/{id}", g.getOperation, "Read an operation and how far it is."),
		at("GET", "/v1/operations/{id}/items", g.getOperationItems,
			"Read what became of each item of an operation."),
		at("POST", "/v1/operations/{id}/stop", g.postStop, "Begin nothing more of an operation."),
		at("POST", "/v1/operations/{id}/resume", g.postResume, "Go on with an operation that was stopped."),
		at("POST", "/v1/artifacts", g.postArtifact, "Store a file."),
		at("PUT", "/v1/artifacts/{digest}", g.putArtifact, "Store a file whose digest is known."),
		at("GET", "/v1/artifacts/{digest}", g.getArtifact, "Download a file or a range of it; ?job= names the job that made it."),
		at("OPTIONS", uploadsRoot, g.serveUpload, "Say what resumable uploads there are: tus 1.0.0."),
		at("POST", uploadsRoot, g.serveUpload,
			"Begin a resumable upload; one whose Upload-Metadata names a pipeline becomes a job."),
		at("OPTIONS", uploadsRoot+"{id}", g.serveUpload, "The same, of one upload."),
		at("HEAD", uploadsRoot+"{id}", g.serveUpload, "Ask how far an upload is, or which job it became."),
		at("PATCH", uploadsRoot+"{id}", g.serveUpload, "Send the next bytes of an upload."),
		at("DELETE", uploadsRoot+"{id}", g.serveUpload, "Give an upload up."),
		at("GET", "/v1/pipelines", g.getPipelines, "List the pipelines."),
		at("GET", "/v1/pipelines/{name}", g.getPipeline,
			"Read a pipeline, or one version with ?digest=."),
		at("PUT", "/v1/pipelines/{name}", g.putPipeline,
			"Make a pipeline file the current version."),
		at("GET", "/v1/pipelines/{name}/versions", g.getVersions,
			"List the versions of a pipeline."),
		at("POST", "/v1/pipelines:check", g.postCheck, "Check a pipeline file without storing it."),
		at("GET", "/v1/stages", g.getStages, "List the stages."),
		at("GET", "/v1/stages/{name}", g.getStage, "Read what a stage does and takes."),
		at("GET", "/livez", g.getLive, "Say that the process runs."),
		at("GET", "/readyz", g.getReady, "Say whether the gateway takes work."),
		at("GET", "/version", g.getVersion, "Say what the gateway was built from."),
	}, slices.Concat(g.pageRoutes(), g.millRoutes(), g.hookRoutes(), g.identityRoutes(), g.viewRoutes())...)
}

// millRoutes lists the routes about what belongs to no tenant.
func (g *Gateway) millRoutes() []route {
	return []route{
		at("GET", "/v1/rules", g.getRules, "List the rules about failed attempts that are in force."),
		at("GET", "/v1/rules/{name}", g.getRule, "Read a rule."),
		at("PUT", "/v1/rules/{name}", g.putRule,
			"Set a rule, in every case or with If-Match or If-None-Match."),
		at("DELETE", "/v1/rules/{name}", g.deleteRule, "Remove a rule, with ?reason=."),
		at("GET", "/v1/rules/{name}/history", g.getRuleHistory,
			"Read who set and removed a rule, when, to what and why."),
		at("GET", "/v1/breakers", g.getBreakers,
			"List what workers have said of dependencies lately."),
		at("GET", "/v1/consumers", g.getConsumers,
			"List what waits for the stages and the conductor, what is in flight, and how old it is."),
	}
}

// pageRoutes lists the routes of the dashboard.
func (g *Gateway) pageRoutes() []route {
	return []route{
		at("GET", "/", g.getPage, "Show the dashboard."),
		at("GET", "/assets/{file}", g.getAsset, "Load a file of the dashboard."),
	}
}

// identityRoutes lists the routes about who makes a request.
func (g *Gateway) identityRoutes() []route {
	return []route{
		at("GET", "/v1/whoami", g.getWhoami, "Say who makes the request, and what they may do."),
		at("POST", "/v1/keys", g.postKey, "Make an API key; the answer is the only place that shows it."),
		at("GET", "/v1/keys", g.getKeys, "List the API keys."),
		at("DELETE", "/v1/keys/{id}", g.deleteKey, "Revoke an API key, with ?reason=."),
	}
}

// hookRoutes lists the routes about webhooks.
func (g *Gateway) hookRoutes() []route {
	return []route{
		at("POST", "/v1/webhooks", g.postWebhook, "Make an endpoint that events are sent to; its secret is shown once."),
		at("GET", "/v1/webhooks", g.getWebhooks, "List the endpoints of webhooks."),
		at("GET", "/v1/webhooks/{id}", g.getWebhook, "Read an endpoint and how far it is."),
		at("PATCH", "/v1/webhooks/{id}", g.patchWebhook, "Change an endpoint, or switch it on or off."),
		at("DELETE", "/v1/webhooks/{id}", g.deleteWebhook, "Remove an endpoint."),
		at("POST", "/v1/webhooks/{id}/rotate", g.postRotate,
			"Give an endpoint a new secret, shown once; the old one signs too for a while."),
		at("POST", "/v1/webhooks/{id}/test", g.postHookTest, "Send an endpoint a test, and read what it answers."),
		at("POST", "/v1/webhooks/{id}/replay", g.postReplay, "Send the events of a time again."),
		at("GET", "/v1/deliveries", g.getDeliveries, "List attempts to send events, newest first."),
		at("GET", "/v1/deliveries/{id}", g.getDelivery, "Read an attempt to send an event."),
		at("POST", "/v1/deliveries/{id}/replay", g.postDeliveryReplay, "Send the event of an attempt again."),
	}
}

// routes returns the whole handler: guards around a multiplexer of paths, which
// finds the method by itself so that its refusals are problems too.
func (g *Gateway) routes() http.Handler {
	methods := make(map[string]map[string]func(*exchange) error)
	g.doors, g.answers = doors(), make(map[string]map[string]bool)
	for _, r := range g.table() {
		if methods[r.Path] == nil {
			methods[r.Path] = make(map[string]func(*exchange) error)
			g.answers[r.Path] = make(map[string]bool)
		}
		methods[r.Path][r.Method] = r.handle
		g.answers[r.Path][r.Method] = true
		if r.Method == http.MethodGet {
			methods[r.Path][http.MethodHead] = r.handle
			g.answers[r.Path][http.MethodHead] = true
		}
	}
	mux := http.NewServeMux()
	for path, by := range methods {
		if bare, ok := strings.CutSuffix(path, "/"); ok {
			// That path and none below, and no redirect to it.
			if bare != "" {
				mux.Handle(bare, g.serve(byMethod(by)))
			}
			path += "{$}"
		}
		mux.Handle(path, g.serve(byMethod(by)))
	}
	mux.Handle("/", g.serve(func(x *exchange) error {
		return fault.New(fault.HTTPNotFound, "", nil)
	}))
	return g.outermost(mux)
}

// byMethod finds the handler of a method.
func byMethod(by map[string]func(*exchange) error) func(*exchange) error {
	var allowed []string
	for m := range by {
		if m != http.MethodOptions {
			allowed = append(allowed, m)
		}
	}
	slices.Sort(allowed)
	allow := strings.Join(append(allowed, http.MethodOptions), ", ")
	return func(x *exchange) error {
		if h := by[x.r.Method]; h != nil {
			return h(x)
		}
		x.w.Header().Set("Allow", allow)
		if x.r.Method == http.MethodOptions {
			x.w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return fault.New(fault.HTTPMethodNotAllowed,
			fault.Clip(x.r.Method, 40)+" is not one of "+allow, nil)
	}
}

func (g *Gateway) getIndex(x *exchange) error {
	var index api.Index
	for _, r := range g.table() {
		a := g.doors[r.Method+" "+r.Path]
		r.Scope, r.Mill = a.scope(), a.mill
		index.Routes = append(index.Routes, r.Route)
	}
	return x.json(http.StatusOK, index)
}
