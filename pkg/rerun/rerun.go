// Package rerun reads what a rerun of a job is made of: the job as it ended, the
// version of the pipeline to run by, and what its steps gave that still holds. The
// decision what to make of it is package flow's, and is made when the rerun is
// accepted; whoever only wants to know asks [flow.PlanRerun].
//
// Nothing is kept or locked. What is read may change before the rerun is accepted; the
// conductor asks once more, whether it still stands, when the turn of a step comes that
// would reuse it. A job that is rolled back later takes back what the rerun has reused.
package rerun

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/pipeline"
)

// Versions of a pipeline that have a name. Any other is the digest of one.
const (
	// VersionSame is the one that the job before ran by; empty means the same.
	VersionSame = "same"
	// VersionNewest is the current one.
	VersionNewest = "newest"
)

// Records reads the newest message of a subject. [bus.Conn] provides it.
type Records interface {
	Last(ctx context.Context, stream, filter string) (*bus.Message, error)
}

// Pipelines finds pipeline versions. [registry.Registry] provides it.
type Pipelines interface {
	Current(ctx context.Context, tenant, name string) (*pipeline.Definition, error)
	Version(ctx context.Context, tenant, digest string) (*pipeline.Definition, error)
}

// Artifacts knows which contents there are. [artifact.Store] provides it.
type Artifacts interface {
	Stat(ctx context.Context, digest string) (size int64, err error)
}

// Reader reads what reruns are made of. All of its fields are required. It is safe
// for concurrent use.
type Reader struct {
	Records   Records
	Pipelines Pipelines
	Artifacts Artifacts
}

// Found is what a rerun is made of.
type Found struct {
	// Before is the job that is run again, as it ended.
	Before events.Job
	// Definition is the version of the pipeline to run by.
	Definition *pipeline.Definition
	// Params and Labels are those of the job before and of the request.
	Params json.RawMessage
	Labels map[string]string
	// Rerun and Prior are what the machine is told.
	Rerun events.Rerun
	Prior map[string]events.Prior
}

// Read reads what the rerun is made of that s asks for, which has a request for one.
// Faults: job.not_found; job.not_allowed for a job that has not ended;
// pipeline.not_found for a version that the job's pipeline does not have;
// submit.bad_params for parameters that are no object; submit.unknown_artifact when
// the store does not hold a file of the job any more; those of the bus and of the
// store.
func (r *Reader) Read(ctx context.Context, tenant string, s *events.Submission) (*Found, error) {
	ask := s.Rerun
	rec, err := r.record(ctx, tenant, ask.Job)
	if err != nil {
		return nil, err
	}
	if err := flow.Rerunnable(rec.Job); err != nil {
		return nil, err
	}
	old, err := r.Pipelines.Version(ctx, tenant, rec.Job.Pipeline.Digest)
	if err != nil {
		return nil, err
	}
	f := &Found{
		Before: rec.Job, Definition: old, Labels: labels(rec.Job.Labels, s.Labels),
		Rerun: events.Rerun{
			Job: rec.Job.ID, Revision: rec.Revision, FromStep: ask.FromStep, NoReuse: ask.NoReuse,
			Reason: ask.Reason, By: ask.By,
		},
	}
	if f.Params, err = params(rec.Job.Params, s.Params); err != nil {
		return nil, err
	}
	if f.Definition, err = r.version(ctx, tenant, old, ask.PipelineVersion); err != nil {
		return nil, err
	}
	f.Prior = flow.TakeOver(old.Plan, rec.Job, f.Definition.Plan, f.Rerun)
	return f, r.ask(ctx, tenant, old.Plan, f)
}

// Accepted is what the machine is given of a rerun that was not submitted yet, for
// [flow.PlanRerun].
func (f *Found) Accepted() *events.Accepted {
	return &events.Accepted{
		Tenant: f.Before.Tenant, Rules: flow.Rules,
		Pipeline: events.PipelineRef{Name: f.Definition.Name, Digest: f.Definition.Digest},
		Files:    f.Before.Files, Params: f.Params, Labels: f.Labels, Rerun: &f.Rerun, Prior: f.Prior,
	}
}

// Complaints are what the pipeline has against the parameters and the files.
func (f *Found) Complaints() []events.ProblemError {
	if list := f.Definition.CheckParams(f.Params); len(list) > 0 {
		return list
	}
	return f.Definition.CheckFiles(f.Before.Files)
}

// record reads the newest record of a job.
func (r *Reader) record(ctx context.Context, tenant, job string) (*events.Record, error) {
	missing := fault.New(fault.JobNotFound, "job "+fault.Clip(job, 100), nil)
	if !events.ValidToken(job) {
		return nil, missing
	}
	m, err := r.Records.Last(ctx, events.StreamEvents, events.HistoryFilter(tenant, job))
	if fault.Has(err, fault.BusNotFound) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	var rec events.Record
	if err := json.Unmarshal(m.Data, &rec); err != nil {
		return nil, fault.New(fault.InternalBug, "read the record of job "+job, err)
	}
	return &rec, nil
}

// version finds the version of the job's pipeline that the rerun asks for.
func (r *Reader) version(
	ctx context.Context, tenant string, old *pipeline.Definition, asked string,
) (*pipeline.Definition, error) {
	switch asked {
	case "", VersionSame:
		return old, nil
	case VersionNewest:
		return r.Pipelines.Current(ctx, tenant, old.Name)
	}
	d, err := r.Pipelines.Version(ctx, tenant, asked)
	if err != nil {
		return nil, err
	}
	if d.Name != old.Name {
		return nil, fault.New(fault.PipelineNotFound, asked+" is a version of pipeline "+d.Name+", not of "+old.Name, nil)
	}
	return d, nil
}

// params are those of the job before, with those of the request in the place of
// those that have the same name.
func params(before, given json.RawMessage) (json.RawMessage, error) {
	if len(given) == 0 {
		return before, nil
	}
	all := map[string]json.RawMessage{}
	for _, object := range []json.RawMessage{before, given} {
		if len(object) == 0 {
			continue
		}
		if err := json.Unmarshal(object, &all); err != nil {
			return nil, fault.New(fault.SubmitBadParams, "the parameters are not an object", nil)
		}
	}
	data, err := json.Marshal(all)
	if err != nil {
		return nil, fault.New(fault.SubmitBadParams, "", err)
	}
	return data, nil
}

func labels(before, given map[string]string) map[string]string {
	if len(given) == 0 {
		return before
	}
	all := maps.Clone(given)
	for name, value := range before {
		if _, ok := given[name]; !ok {
			all[name] = value
		}
	}
	return all
}
