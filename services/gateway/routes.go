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

// table lists every route. Reading routes answer HEAD as well.
func (g *Gateway) table() []route {
	return []route{
		{api.Route{Method: "GET", Path: "/v1", Summary: "List the routes."}, g.getIndex},
		{api.Route{Method: "POST", Path: "/v1/jobs", Summary: "Submit a job as JSON, or upload a file and submit it with ?pipeline=."}, g.postJob},
		{api.Route{Method: "GET", Path: "/v1/jobs", Summary: "List jobs, newest first."}, g.getJobs},
		{api.Route{Method: "GET", Path: "/v1/jobs/{id}", Summary: "Read a job; wait for a change with If-None-Match and Prefer: wait=."}, g.getJob},
		{api.Route{Method: "GET", Path: "/v1/jobs/{id}/events", Summary: "Read a job's records, or follow them with Accept: text/event-stream."}, g.getEvents},
		{api.Route{Method: "POST", Path: "/v1/jobs/{id}/cancel", Summary: "Stop a job and take back what it did."}, g.postCommand},
		{api.Route{Method: "POST", Path: "/v1/jobs/{id}/retry", Summary: "Give a job in attention another budget."}, g.postCommand},
		{api.Route{Method: "POST", Path: "/v1/jobs/{id}/abandon", Summary: "Give a job in attention up."}, g.postCommand},
		{api.Route{Method: "POST", Path: "/v1/artifacts", Summary: "Store a file."}, g.postArtifact},
		{api.Route{Method: "GET", Path: "/v1/artifacts/{digest}", Summary: "Download a file or a range of it."}, g.getArtifact},
		{api.Route{Method: "GET", Path: "/v1/pipelines", Summary: "List the pipelines."}, g.getPipelines},
		{api.Route{Method: "GET", Path: "/v1/pipelines/{name}", Summary: "Read a pipeline, or one version with ?digest=."}, g.getPipeline},
		{api.Route{Method: "PUT", Path: "/v1/pipelines/{name}", Summary: "Make a pipeline file the current version."}, g.putPipeline},
		{api.Route{Method: "GET", Path: "/v1/pipelines/{name}/versions", Summary: "List the versions of a pipeline."}, g.getVersions},
		{api.Route{Method: "POST", Path: "/v1/pipelines:check", Summary: "Check a pipeline file without storing it."}, g.postCheck},
		{api.Route{Method: "GET", Path: "/v1/stages", Summary: "List the stages."}, g.getStages},
		{api.Route{Method: "GET", Path: "/v1/stages/{name}", Summary: "Read what a stage does and takes."}, g.getStage},
		{api.Route{Method: "GET", Path: "/livez", Summary: "Say that the process runs."}, g.getLive},
		{api.Route{Method: "GET", Path: "/readyz", Summary: "Say whether the gateway takes work."}, g.getReady},
		{api.Route{Method: "GET", Path: "/version", Summary: "Say what the gateway was built from."}, g.getVersion},
	}
}

// routes returns the whole handler: guards around a multiplexer of paths, which
// finds the method by itself so that its refusals are problems too.
func (g *Gateway) routes() http.Handler {
	methods := make(map[string]map[string]func(*exchange) error)
	for _, r := range g.table() {
		if methods[r.Path] == nil {
			methods[r.Path] = make(map[string]func(*exchange) error)
		}
		methods[r.Path][r.Method] = r.handle
		if r.Method == http.MethodGet {
			methods[r.Path][http.MethodHead] = r.handle
		}
	}
	mux := http.NewServeMux()
	for path, by := range methods {
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
		allowed = append(allowed, m)
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
		return fault.New(fault.HTTPMethodNotAllowed, fault.Clip(x.r.Method, 40)+" is not one of "+allow, nil)
	}
}

func (g *Gateway) getIndex(x *exchange) error {
	var index api.Index
	for _, r := range g.table() {
		index.Routes = append(index.Routes, r.Route)
	}
	return x.json(http.StatusOK, index)
}
