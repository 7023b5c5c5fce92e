package conductor

import (
	"context"
	"crypto/sha256"
	"encoding/json"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/rerun"
	"github.com/millrace/millrace/pkg/tracing"
)

// rerun makes a job of one that has ended.
func (c *Conductor) rerun(
	ctx context.Context, m *bus.Message, tenant, name string, s *events.Submission,
) (events.Receipt, error) {
	if len(s.Files) > 0 {
		return events.Receipt{}, complain([]events.ProblemError{{
			Pointer: "/files", Code: string(fault.SubmitInvalid), Detail: "a rerun works on the files of its job",
		}})
	}
	a := &events.Accepted{Tenant: tenant}
	a.Key, a.Job = identity(tenant, s.Key, m)
	var err error
	if a.Fingerprint, err = rerunFingerprint(name, s); err != nil {
		return events.Receipt{}, fault.New(fault.SubmitBadParams, "", err)
	}
	again := m.Delivered > 1
	// What the key has made is answered without a look at the job before, which
	// may have moved on.
	_, err = c.Broker.Last(ctx, events.StreamEvents, events.HistoryFilter(tenant, a.Job))
	if !fault.Has(err, fault.BusNotFound) {
		if err != nil {
			return events.Receipt{}, err
		}
		return c.create(ctx, a, nil, again)
	}
	r := rerun.Reader{Records: c.Broker, Pipelines: c.Pipelines, Artifacts: c.Store}
	f, err := r.Read(ctx, tenant, s)
	if err != nil {
		return events.Receipt{}, err
	}
	if f.Before.Pipeline.Name != name {
		return events.Receipt{}, fault.New(fault.SubmitInvalid, "job "+f.Before.ID+" is of pipeline "+f.Before.Pipeline.Name, nil)
	}
	whole, err := c.check(ctx, &events.Submission{Files: f.Before.Files, Params: f.Params, Labels: f.Labels}, f.Definition)
	if err != nil {
		return events.Receipt{}, err
	}
	whole.Tenant, whole.Key, whole.Job, whole.Fingerprint = tenant, a.Key, a.Job, a.Fingerprint
	whole.Traceparent = tracing.Traceparent(tenant, a.Job, m.Header[events.HeaderTraceparent])
	whole.Rerun, whole.Prior = &f.Rerun, f.Prior
	receipt, err := c.create(ctx, whole, f.Definition.Plan, again)
	if fault.Has(err, fault.JobTooLarge) && len(f.Prior) > 0 {
		err = fault.New(fault.JobTooLarge, "with the results that it would take over; ask for it without reuse", err)
	}
	return receipt, err
}

// look decides, and decides again when a rerun would take over what the job that did it
// has taken back since the rerun was accepted. What was seen there becomes part of the
// input, so that the history gives the same job.
func (c *Conductor) look(
	ctx context.Context, p *flow.Plan, j events.Job, in *events.Input, env flow.Env,
) (flow.Transition, error) {
	in.Undone = nil // of an earlier look
	t, err := c.decide(p, j, in, env)
	if err != nil || j.Rerun == nil {
		return t, err
	}
	for _, step := range flow.TakenOver(p, j, t.Job) {
		m, err := c.Broker.Last(ctx, events.StreamEvents, events.HistoryFilter(j.Tenant, t.Job.Steps[step].Reuse.Job))
		if fault.Has(err, fault.BusNotFound) {
			continue // it was kept when the rerun was accepted, and is too old to be rolled back
		}
		var r events.Record
		if err == nil {
			err = json.Unmarshal(m.Data, &r)
		}
		if err != nil {
			return flow.Transition{Job: j}, err
		}
		if !flow.Stands(r.Job, step) {
			in.Undone = append(in.Undone, step)
		}
	}
	if len(in.Undone) == 0 {
		return t, nil
	}
	return c.decide(p, j, in, env)
}

// rerunFingerprint is the digest of what the key of a rerun stands for. Which version
// is the newest, and what the job before has come to, is no part of it.
func rerunFingerprint(pipeline string, s *events.Submission) (string, error) {
	ask := *s.Rerun
	ask.Reason, ask.By = "", ""
	if ask.PipelineVersion == rerun.VersionSame {
		ask.PipelineVersion = ""
	}
	params := map[string]any{}
	if len(s.Params) > 0 {
		if err := json.Unmarshal(s.Params, &params); err != nil {
			return "", err
		}
	}
	data, err := json.Marshal(struct {
		Pipeline string              `json:"pipeline"`
		Rerun    events.RerunRequest `json:"rerun"`
		Params   map[string]any      `json:"params"`
	}{pipeline, ask, params})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hexed(sum[:]), nil
}
