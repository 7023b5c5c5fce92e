package gateway

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/registry"
)

// putPipeline makes a file the current version of the name in the path, which the
// file must state as well.
func (g *Gateway) putPipeline(x *exchange) error {
	src, err := x.pipelineFile()
	if err != nil {
		return err
	}
	name := x.r.PathValue("name")
	def, found := g.Pipelines.Check("", src)
	if def == nil {
		return withErrors(fault.PipelineInvalid, firstError(found), pipeline.ProblemErrors(found))
	}
	if def.Name != name {
		return fault.New(fault.PipelineInvalid,
			"the file states the name "+def.Name+", the address "+fault.Clip(name, 100), nil)
	}
	if err := x.actsFor(def.Digest); err != nil {
		return err
	}
	def, created, err := g.Pipelines.ApplyBy(x.r.Context(), x.tenant, src, x.by(""))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		g.Log.Info("pipeline applied",
			"tenant", x.tenant, "pipeline", def.Name, "digest", def.Digest, "by", x.by(""))
	}
	x.w.Header().Set("Location", "/v1/pipelines/"+def.Name)
	x.w.Header().Set("ETag", `"`+def.Digest+`"`)
	return x.json(status, api.Applied{
		Name: def.Name, Digest: def.Digest, Created: created, Warnings: diagnostics(found),
	})
}

// postCheck compiles a file and answers with every complaint. A file with errors is
// a good question with a good answer, so that is 200 as well.
func (g *Gateway) postCheck(x *exchange) error {
	src, err := x.pipelineFile()
	if err != nil {
		return err
	}
	def, found := g.Pipelines.Check(fault.Clip(x.r.URL.Query().Get("file"), 500), src)
	checked := api.Checked{Valid: def != nil, Diagnostics: diagnostics(found)}
	if def != nil {
		checked.Name, checked.Digest = def.Name, def.Digest
	}
	return x.json(http.StatusOK, checked)
}

// pipelineFile reads a pipeline file. Every content type will do that is not a form
// or a file of its own kind: clients have no habit with YAML.
func (x *exchange) pipelineFile() ([]byte, error) {
	t := x.mediaType()
	for _, kind := range []string{"multipart/", "image/", "audio/", "video/"} {
		if strings.HasPrefix(t, kind) {
			return nil, fault.New(fault.HTTPUnsupportedMediaType,
				t+"; send "+api.ContentTypeYAML, nil)
		}
	}
	return x.readBody(registry.MaxSource)
}

// getPipeline answers with the current version of a pipeline or the one asked for:
// described, or as the file itself when the client accepts only that.
func (g *Gateway) getPipeline(x *exchange) error {
	name, digest := x.r.PathValue("name"), x.r.URL.Query().Get("digest")
	def, err := g.Pipelines.Current(x.r.Context(), x.tenant, name)
	if err == nil && digest != "" {
		def, err = g.Pipelines.Version(x.r.Context(), x.tenant, digest)
	}
	if err != nil {
		return err
	}
	if def.Name != name {
		return fault.New(fault.PipelineNotFound,
			fault.Clip(name, 100)+" has no version "+fault.Clip(digest, 100), nil)
	}
	h := x.w.Header()
	h.Set("ETag", `"`+def.Digest+`"`)
	h.Set("Vary", "Accept")
	if strings.Contains(x.r.Header.Get("Accept"), api.ContentTypeYAML) {
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		return x.send(http.StatusOK, api.ContentTypeYAML, def.Source)
	}
	return x.json(http.StatusOK, describe(def))
}

func describe(def *pipeline.Definition) api.Pipeline {
	p := api.Pipeline{
		Name: def.Name, Digest: def.Digest, Description: def.Description, Labels: def.Labels,
		ParamsSchema: def.ParamsSchema, Source: string(def.Source), Steps: []api.PipelineStep{},
	}
	for _, s := range def.Plan.Steps {
		p.Steps = append(p.Steps, api.PipelineStep{
			ID: s.ID, Stage: s.Stage, Needs: s.Needs, Critical: s.Critical, Irreversible: s.Irreversible,
			MaxAttempts: cmp.Or(s.Retry.MaxAttempts, flow.DefaultRetry.MaxAttempts),
		})
	}
	return p
}

func (g *Gateway) getPipelines(x *exchange) error {
	entries, err := g.Pipelines.List(x.r.Context(), x.tenant)
	if err != nil {
		return err
	}
	list := api.PipelineList{Pipelines: []api.PipelineEntry{}}
	for _, e := range entries {
		list.Pipelines = append(list.Pipelines, api.PipelineEntry(e))
	}
	return x.json(http.StatusOK, list)
}

func (g *Gateway) getVersions(x *exchange) error {
	versions, err := g.Pipelines.Versions(x.r.Context(), x.tenant, x.r.PathValue("name"))
	if err != nil {
		return err
	}
	list := api.PipelineVersions{Versions: []api.PipelineVersion{}}
	for _, v := range versions {
		list.Versions = append(list.Versions, api.PipelineVersion(v))
	}
	return x.json(http.StatusOK, list)
}

func diagnostics(found []pipeline.Diagnostic) []api.Diagnostic {
	var list []api.Diagnostic
	for _, d := range found {
		list = append(list, api.Diagnostic(d))
	}
	return list
}

// firstError is what the detail of a refusal says.
func firstError(found []pipeline.Diagnostic) string {
	i := slices.IndexFunc(found, func(d pipeline.Diagnostic) bool {
		return d.Severity == pipeline.SeverityError
	})
	if i < 0 {
		return ""
	}
	return fault.Clip(found[i].String(), 500)
}
