package conductor

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/tracing"
	"github.com/millrace/millrace/schemas"
)

// handleSubmission turns a submission into a job, or into the answer that an
// earlier submission with the same key already got.
func (c *Conductor) handleSubmission(ctx context.Context, m *bus.Message) error {
	replyTo := m.Header[events.HeaderReplyTo]
	if replyTo != "" && !replyAllowed(replyTo) {
		return bus.Reject(fault.SubmitBadReplyTo, nil)
	}
	receipt, err := c.submit(ctx, m)
	if err == nil {
		c.reply(replyTo, receipt)
		return nil
	}
	f := fault.From(err)
	if replyTo == "" {
		if retryable(f) {
			return err
		}
		return bus.Reject(f.Code, err)
	}
	c.Log.Info("submission refused", "subject", fault.Clip(m.Subject, 200), "error", err)
	c.reply(replyTo, problem(err))
	return nil
}

// submit checks a submission and creates its job.
func (c *Conductor) submit(ctx context.Context, m *bus.Message) (events.Receipt, error) {
	tokens, ok := events.Tokens(m.Subject, "submit", 2)
	if !ok {
		return events.Receipt{}, fault.New(fault.SubmitInvalid, "tenant and pipeline are 1 to 64 of a-z, 0-9, _ and -", nil)
	}
	tenant, name := tokens[0], tokens[1]
	s, list := schemas.DecodeSubmission(m.Data)
	if len(list) > 0 {
		return events.Receipt{}, complain(list)
	}
	if s.Rerun != nil {
		return c.rerun(ctx, m, tenant, name, &s)
	}
	def, err := c.Pipelines.Current(ctx, tenant, name)
	if err != nil {
		return events.Receipt{}, err
	}
	a, err := c.check(ctx, &s, def)
	if err != nil {
		return events.Receipt{}, err
	}
	a.Tenant = tenant
	a.By = fault.Clip(m.Header[events.HeaderBy], 200)
	a.Key, a.Job = identity(tenant, s.Key, m)
	a.Traceparent = tracing.Traceparent(tenant, a.Job, m.Header[events.HeaderTraceparent])
	return c.create(ctx, a, def.Plan, m.Delivered > 1)
}

// create commits the first record of a job, or answers with the job that the
// key already made.
func (c *Conductor) create(ctx context.Context, a *events.Accepted, plan *flow.Plan, again bool) (events.Receipt, error) {
	e := c.jobs.lock(jobKey{a.Tenant, a.Job})
	// The newest record is always read first. To try the fence without looking
	// would be cheaper for a new job; but whoever listens to the subjects of the
	// events would then see the record that the stream refuses.
	e.known = false
	mv, err := c.apply(ctx, e, plan, events.Input{Submit: a}, again)
	c.jobs.unlock(e, err == nil && e.known && !flow.Final(e.job.State))
	if err != nil {
		return events.Receipt{}, err
	}
	if !mv.changed && mv.job.Fingerprint != a.Fingerprint {
		return events.Receipt{}, keyReused(a.Key, mv.job)
	}
	if mv.changed {
		c.Log.Info("job accepted", "job", a.Job, "tenant", a.Tenant, "pipeline", a.Pipeline.Name)
	}
	return events.Receipt{
		Job: a.Job, State: mv.job.State, Duplicate: !mv.changed, Outcome: flow.Outcome(mv.job),
	}, nil
}

// keyReused says what an idempotency key was first used for.
func keyReused(key string, j events.Job) error {
	names := make([]string, 0, 3)
	for i, f := range j.Files {
		if i == 3 {
			names = append(names, "…")
			break
		}
		names = append(names, strconv.Quote(f.Name))
	}
	return &reusedError{job: j.ID, fault: fault.New(fault.SubmitKeyReused,
		"key "+strconv.Quote(key)+" was first used at "+j.AcceptedAt.Format("2006-01-02T15:04:05Z")+
			" for job "+j.ID+" of pipeline "+j.Pipeline.Name+" with "+strings.Join(names, ", "), nil)}
}

// reusedError is a submit.key_reused that carries the first job's id.
type reusedError struct {
	fault *fault.Error
	job   string
}

// Error is the fault's.
func (e *reusedError) Error() string { return e.fault.Error() }

// Unwrap gives the fault to errors.As.
func (e *reusedError) Unwrap() error { return e.fault }

// identity returns the idempotency key of a submission and the id of its job.
// The id is made from the key, so the key needs no table and never expires
// before the job. Without a key, the place in the intake stands for it, which a
// redelivery does not change; one that comes again from a dead letter says which
// place it had first.
func identity(tenant, key string, m *bus.Message) (string, string) {
	place := m.Header[events.HeaderPlace]
	if key == "" && place == "" {
		key = m.Header[events.HeaderMsgID]
	}
	if key != "" {
		return key, events.JobID(tenant, key)
	}
	if place == "" {
		place = events.Place(m.Sequence, m.Time)
	}
	// No key can start with a zero byte, so a place never meets a key.
	return "", events.JobID(tenant, "\x00"+place)
}

// fingerprint is the digest of what an idempotency key stands for: pipeline,
// files and parameters, however they came in. Labels are not part of it, nor are
// the version of the pipeline and what is said, and not given, of a file.
func fingerprint(a *events.Accepted) (string, error) {
	params := map[string]any{} // none and an empty object are the same
	if len(a.Params) > 0 {
		if err := json.Unmarshal(a.Params, &params); err != nil {
			return "", err
		}
	}
	data, err := json.Marshal(struct {
		Pipeline string          `json:"pipeline"`
		Files    []events.Source `json:"files"`
		Params   map[string]any  `json:"params"`
	}{a.Pipeline.Name, given(a.Files), params})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hexed(sum[:]), nil
}

// given is where each file comes from and what it is called.
func given(files []events.Source) []events.Source {
	out := make([]events.Source, len(files))
	for i, f := range files {
		out[i] = events.Source{Name: f.Name, URL: f.URL, Digest: f.Digest}
	}
	return out
}
