package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/services/mill"
)

// verdict is what the history of a job says of it.
type verdict struct {
	job events.Job
	// unknown are the steps of which an outcome said that nobody can tell whether an
	// effect was made.
	unknown map[string]bool
}

// judge reads every history and holds the world against it.
func (h *hall) judge(ctx context.Context, f *figures) error {
	plans, err := h.plans()
	if err != nil {
		return err
	}
	open, done := make(map[string][]events.Record), make(map[string]*verdict)
	err = h.watch.conn.Scan(ctx, bus.Scan{Stream: events.StreamEvents, Filters: []string{events.AllEvents}}, func(m *bus.Message) error {
		var r events.Record
		if err := json.Unmarshal(m.Data, &r); err != nil {
			return err
		}
		f.records++
		id := r.Job.ID
		if done[id] != nil {
			f.violate("job %s: %s comes after its final record", id, r.Type)
			return nil
		}
		open[id] = append(open[id], r)
		if flow.Final(r.Job.State) {
			done[id] = f.history(plans[r.Job.Pipeline.Name], open[id])
			delete(open, id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, records := range open {
		f.violate("job %s is not final: %s", id, records[len(records)-1].Job.State)
	}
	if n := len(done) + len(open); n != h.jobs {
		f.violate("%d jobs are recorded, and %d were submitted", n, h.jobs)
	}
	f.settledDone, f.settledNotDone, f.retriedByPerson = h.person.done, h.person.notDone, h.person.other
	return h.compare(ctx, f, done)
}

func (h *hall) plans() (map[string]*flow.Plan, error) {
	plans := make(map[string]*flow.Plan)
	for _, l := range lines {
		d, err := pipeline.Compile(l.file(h.deps["honest"].Addr(), h.deps["plain"].Addr()), mill.Catalog())
		if err != nil {
			return nil, err
		}
		plans[l.name] = d.Plan
	}
	return plans, nil
}

// history replays the records of a job that has ended, and counts what they say.
func (f *figures) history(p *flow.Plan, records []events.Record) *verdict {
	v := &verdict{job: records[len(records)-1].Job, unknown: make(map[string]bool)}
	if _, err := flow.Replay(p, records); err != nil {
		f.violate("%v", err)
	}
	f.ends[v.job.State]++
	attempts := make(map[string]int) // as outcomes say, by step
	for _, r := range records {
		switch o := r.Input.Outcome; {
		case o == nil:
		case o.Verdict == events.VerdictResumed:
			f.resumed++
		default:
			attempts[fmt.Sprint(o.Step, o.Undo)]++
			if o.Fault != nil && o.Fault.Code == string(fault.EffectUnknown) {
				v.unknown[o.Step] = true
				f.unknown++
			}
		}
	}
	for id, st := range v.job.Steps {
		f.tries(v.job.ID, id, st.Attempt, st.Spent)
		f.addUp(v.job.ID, id, st.Attempt, attempts[fmt.Sprint(id, false)])
		if u := st.Undo; u != nil {
			f.undos++
			f.tries(v.job.ID, "undo of "+id, u.Attempt, u.Spent)
			f.addUp(v.job.ID, "undo of "+id, u.Attempt, attempts[fmt.Sprint(id, true)])
		}
	}
	return v
}

// tries counts the attempts of a step and wants no more failures than its policy
// allows.
func (f *figures) tries(job, step string, attempts, spent int) {
	f.attempts += attempts
	f.retries += max(attempts-1, 0)
	if spent > maxAttempts {
		f.violate("job %s: %s spent %d attempts of %d", job, step, spent, maxAttempts)
	}
}

// addUp wants an outcome for every attempt, and no second one.
func (f *figures) addUp(job, step string, attempts, outcomes int) {
	if outcomes != attempts {
		f.violate("job %s: %s made %d attempts, and %d outcomes count", job, step, attempts, outcomes)
	}
}
