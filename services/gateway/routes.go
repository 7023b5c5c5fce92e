package gateway

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/openapi"
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
// stands in the table of doors, without which it is closed while identity is on, and
// what goes in and out in that of shapes.
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
		at("GET", "/v1/jobs/{id}/steps/{step}/checkpoints", g.getCheckpoints,
			"List the checkpoints of a step that are kept, oldest first."),
		at("GET", "/v1/jobs/{id}/steps/{step}/checkpoints/{position}", g.getCheckpoint,
			"Read a checkpoint with the state of the stage in it."),
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
		at("GET", "/v1/faults/{code}", g.getFault,
			"Read what a fault's code means, what is done about it, and what a person can do."),
		at("GET", "/livez", g.getLive, "Say that the process runs."),
		at("GET", "/readyz", g.getReady, "Say whether the gateway takes work."),
		at("GET", "/version", g.getVersion, "Say what the gateway was built from."),
		at("GET", "/openapi.json", g.getDocument, "Read the OpenAPI 3.1 document of these routes."),
		at("GET", "/openapi.yaml", g.getDocument, "Read it as YAML."),
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
		at("GET", "/metrics", g.getMetrics, "Read what the process measures of itself and of the mill, for Prometheus."),
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
		at("GET", "/v1/audit", g.getAudit, "List who decided and changed what, when and why, newest first."),
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

// routes returns the whole handler: guards around a multiplexer.
func (g *Gateway) routes() http.Handler {
	mux := http.NewServeMux()
	surface := humago.New(mux, openapi.Config())
	g.register(surface, g.table(), shapes())
	g.refuseMethods(mux)
	mux.Handle("/", g.serve(func(*exchange) error {
		return fault.New(fault.HTTPNotFound, "", nil)
	}))
	g.document = publish(surface.OpenAPI())
	return g.outermost(mux)
}

// register puts the rows of a table into the multiplexer and into the document, through
// huma, which keeps both. What a handler reads and answers stays its own business, so
// that bodies are streamed, and limits and problems are the gateway's.
func (g *Gateway) register(surface huma.API, table []route, shapes map[string]openapi.Shape) {
	g.doors, g.answers = doors(), make(map[string]map[string]bool)
	deeds := deeds()
	for _, r := range table {
		key := r.Method + " " + r.Path
		shape := shapes[key]
		if g.doors[key].brings {
			shape = shape.Refuse(http.StatusInsufficientStorage)
		}
		op := openapi.Add(surface.OpenAPI(), openapi.Route{
			Method: r.Method, Path: r.Path, Summary: r.Summary, Access: g.doors[key].document(), Shape: shape,
		})
		handle := g.through(g.audited(deeds[key], g.doors[key].mill, r.handle), shape)
		for _, pattern := range patterns(r.Path) {
			at := *op
			at.Path = pattern
			surface.Adapter().Handle(&at, handle)
		}
		if g.answers[r.Path] == nil {
			g.answers[r.Path] = make(map[string]bool)
		}
		g.answers[r.Path][r.Method] = true
		if r.Method == http.MethodGet {
			g.answers[r.Path][http.MethodHead] = true // the multiplexer does that
		}
	}
	openapi.Complete(surface.OpenAPI())
}

// through makes a handler for huma of a route.
func (g *Gateway) through(h func(*exchange) error, shape openapi.Shape) func(huma.Context) {
	serve := g.serve(func(x *exchange) error {
		shape.Announce(x.w.Header())
		return h(x)
	})
	return func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		serve.ServeHTTP(w, r)
	}
}

// patterns are those of a path in the multiplexer. One with a slash at its end means
// that path, with the slash and without, and none below.
func patterns(path string) []string {
	bare, ok := strings.CutSuffix(path, "/")
	switch {
	case ok && bare == "":
		return []string{"/{$}"}
	case ok:
		return []string{bare, path + "{$}"}
	}
	return []string{path}
}

// refuseMethods answers what is asked of a path with a method that it does not take, so
// that this is a problem too.
func (g *Gateway) refuseMethods(mux *http.ServeMux) {
	for path, methods := range g.answers {
		allowed := slices.Sorted(maps.Keys(methods))
		allowed = slices.DeleteFunc(allowed, func(m string) bool { return m == http.MethodOptions })
		allow := strings.Join(append(allowed, http.MethodOptions), ", ")
		refuse := g.serve(func(x *exchange) error {
			x.w.Header().Set("Allow", allow)
			if x.r.Method == http.MethodOptions {
				x.w.WriteHeader(http.StatusNoContent)
				return nil
			}
			return fault.New(fault.HTTPMethodNotAllowed,
				fault.Clip(x.r.Method, 40)+" is not one of "+allow, nil)
		})
		for _, pattern := range patterns(path) {
			mux.Handle(pattern, refuse)
		}
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
