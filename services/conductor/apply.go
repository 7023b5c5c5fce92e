package conductor

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/tracing"
)

const (
	// maxRecord is the largest record in bytes; a message may be 1 MiB, headers
	// included.
	maxRecord = 960 << 10
	// roomToEnd is how much of it a job leaves free when it takes files or a result,
	// so that failures, commands and timers can always be recorded: a job that is
	// too large to be failed would never end.
	roomToEnd = 64 << 10
)

// move is what applying an input came to.
type move struct {
	changed bool
	job     events.Job
	plan    *flow.Plan
}

// apply applies an input to a locked job and commits what comes of it. An input
// that changes nothing is only believed of a state read during this call.
// again says that the input was delivered before, so that what it made due may
// not have been published.
func (c *Conductor) apply(ctx context.Context, e *entry, plan *flow.Plan, in events.Input, again bool) (move, error) {
	for fresh := false; ; {
		if !e.known {
			if err := c.read(ctx, e); err != nil {
				return move{}, err
			}
			fresh = true
		}
		p, err := c.plan(ctx, e, plan)
		if err != nil {
			return move{}, err
		}
		env := flow.Env{Now: now(), Entropy: c.Entropy()}
		t, err := c.look(ctx, p, e.job, &in, env)
		if (err != nil || !t.Changed) && !fresh {
			e.known = false
			continue
		}
		if err != nil {
			return move{}, err
		}
		if !t.Changed {
			if again {
				err = errors.Join(c.publishOutstanding(ctx, e, p), c.endTimers(ctx, e, p))
			}
			return move{job: e.job, plan: p}, err
		}
		before := e.job
		switch err := c.commit(ctx, e, in, env, t); {
		case fault.Has(err, fault.BusFenced):
			continue
		case err != nil:
			return move{}, err
		}
		c.noteRuling(in)
		if e.job.State == events.JobCancelling && in.Control != nil {
			c.stopOpen(ctx, e.job)
		}
		c.keepLimits(ctx, before, in)
		c.keepDecisions(ctx, e, p, before)
		err = c.publishDue(ctx, e, p, t.Due, issue{})
		if !flow.Final(before.State) {
			err = errors.Join(err, c.endTimers(ctx, e, p))
		}
		return move{changed: true, job: e.job, plan: p}, err
	}
}

// plan returns the pipeline version of a job: the given one when there is no
// job yet, otherwise the version that the job has pinned.
func (c *Conductor) plan(ctx context.Context, e *entry, given *flow.Plan) (*flow.Plan, error) {
	ref := e.job.Pipeline
	if ref.Digest == "" || (given != nil && given.Digest == ref.Digest) {
		if given == nil {
			return nil, fault.New(fault.JobUnknownOutcome, "job "+e.key.job, nil)
		}
		return given, nil
	}
	d, err := c.Pipelines.Version(ctx, e.key.tenant, ref.Digest)
	if err != nil {
		return nil, err
	}
	return d.Plan, nil
}

// read loads the newest record of a job. A job without one is the zero job.
func (c *Conductor) read(ctx context.Context, e *entry) error {
	history := events.HistoryFilter(e.key.tenant, e.key.job)
	m, err := c.Broker.Last(ctx, events.StreamEvents, history)
	if fault.Has(err, fault.BusNotFound) {
		e.known, e.sequence, e.revision, e.job = true, 0, 0, events.Job{}
		return nil
	}
	if err != nil {
		return err
	}
	r, foreign, err := recordIn(m)
	if err != nil {
		return err
	}
	if foreign {
		return c.readPast(ctx, e, history)
	}
	e.known, e.sequence, e.revision, e.job = true, m.Sequence, r.Revision, r.Job
	return nil
}

// commit writes a transition as the next record of the job. After an error the
// entry holds no state: the newest record says whether the write counts.
func (c *Conductor) commit(ctx context.Context, e *entry, in events.Input, env flow.Env, t flow.Transition) error {
	tx := uuid.NewString()
	rec := events.Record{
		Type: t.Type, Cause: t.Cause, Revision: e.revision + 1, Tx: tx, Time: env.Now, Entropy: env.Entropy,
		Step: t.Step, Attempt: t.Attempt, Input: in, Job: t.Job, Due: t.Due,
	}
	data, err := json.Marshal(rec)
	if err != nil {
		return fault.New(fault.InternalBug, "encode a record", err)
	}
	if len(data) > mostFor(in) {
		return fault.New(fault.JobTooLarge, "record of "+strconv.Itoa(len(data))+" bytes", nil)
	}
	began := time.Now()
	seq, err := c.Broker.Commit(ctx, bus.Out{
		Subject: events.EventSubject(e.key.tenant, t.Job.Pipeline.Name, e.key.job, t.Kind),
		ID:      events.RecordID(e.key.tenant, e.key.job, rec.Revision),
		Header:  recordHeader(rec, e.key),
		Data:    data,
		Fence:   &bus.Fence{Filter: events.HistoryFilter(e.key.tenant, e.key.job), Last: e.sequence},
	})
	if fault.Has(err, fault.BusTooLarge) { // a broker that takes less
		err = fault.New(fault.JobTooLarge, "record of "+strconv.Itoa(len(data))+" bytes", err)
	}
	if err != nil {
		c.Meter.Failed(err)
		e.known = false
		return err
	}
	c.Meter.Committed(&rec, e.job.State, time.Since(began))
	if flow.Final(t.Job.State) && !flow.Final(e.job.State) {
		c.Tracer.Ended(&t.Job)
	}
	e.known, e.sequence, e.revision, e.job = true, seq, rec.Revision, t.Job
	return nil
}

// mostFor is how many bytes the record of an input may have.
func mostFor(in events.Input) int {
	o := in.Outcome
	if in.Submit != nil || o != nil && !o.Undo && o.Verdict == events.VerdictSucceeded {
		return maxRecord - roomToEnd
	}
	return maxRecord
}

func recordHeader(r events.Record, k jobKey) map[string]string {
	name := r.Type
	h := map[string]string{
		events.HeaderContentType:   events.ContentTypeJSON,
		events.HeaderCESpecVersion: events.SpecVersion,
		events.HeaderCEID:          events.RecordID(k.tenant, k.job, r.Revision),
		events.HeaderCEType:        events.CEType(name),
		events.HeaderCESource:      events.CESource,
		events.HeaderCESubject:     "job/" + k.job,
		events.HeaderCETime:        r.Time.Format(time.RFC3339Nano),
		events.HeaderCEDataSchema:  events.DataSchema("record"),
		events.HeaderTx:            r.Tx,
		events.HeaderState:         string(r.Job.State),
		events.HeaderRevision:      strconv.FormatUint(r.Revision, 10),
	}
	if r.Cause != "" {
		h[events.HeaderCause] = r.Cause
	}
	h[events.HeaderTraceparent] = tracing.Job(k.tenant, k.job, r.Job.Traceparent).String()
	return h
}

// now is the time by this process's clock, in UTC and whole milliseconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
