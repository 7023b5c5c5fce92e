package jobview

import (
	"encoding/json"
	"math"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/flow"
)

// Entry is a record, and where the log has it.
type Entry struct {
	Sequence              uint64
	Tenant, Pipeline, Job string
	Record                events.Record
}

// key names a job.
type key struct{ tenant, job string }

// row is what the view holds of a job.
type row struct {
	ord                  int64
	tenant, id, pipeline string
	state                events.JobState
	revision, seq        uint64
	accepted, finished   int64 // milliseconds since 1970; 0 is never
	took                 int64 // milliseconds from the one to the other
	since                int64 // when what fails began to fail; 0 is all is well
	faults               faultList
	words                string
	item                 []byte
	job                  *events.Job // of the newest record; nil in a row that was read
	fresh                bool        // it is not in the database yet
	oldFaults            faultList   // what the database has
	oldWords             string
	changed              bool
}

// Bits of ord that are a place in the log. The rest are the second.
const placeBits = 29

// ordAt returns the first place in the list of a second.
func ordAt(second int64) int64 {
	return max(0, min(second, math.MaxInt64>>placeBits)) << placeBits
}

func newRow(e *Entry) *row {
	accepted := e.Record.Job.AcceptedAt
	return &row{
		ord:    ordAt(accepted.Unix()) | int64(e.Sequence&(1<<placeBits-1)),
		tenant: e.Tenant, id: e.Job, pipeline: e.Pipeline, accepted: millis(accepted), fresh: true,
	}
}

// fold takes a record into a row, and what it changes of the numbers into d. A
// record that is not newer than the row changes nothing.
func (r *row) fold(e *Entry, d *deltas) error {
	rec := &e.Record
	if rec.Revision <= r.revision {
		return nil
	}
	j := &rec.Job
	at := millis(rec.Time)
	faults := newFaultList(j)
	if r.revision == 0 {
		d.tally(r.tenant, tallyAccepted, r.accepted, r.pipeline, "", 0)
	} else {
		d.count(r, -1)
	}
	if flow.Final(j.State) && !flow.Final(r.state) {
		d.tally(r.tenant, tallyFinished, at, r.pipeline, clean(string(j.State)), millis(j.FinishedAt)-r.accepted)
	}
	if f, ok := failure(rec, r.faults); ok {
		d.tally(r.tenant, tallyFailed, at, r.pipeline, f.code+" "+f.class, 0)
	}
	r.recover(j, at, d)
	r.state, r.revision, r.seq, r.faults, r.job = events.JobState(clean(string(j.State))), rec.Revision, e.Sequence, faults, j
	r.finished, r.took = 0, 0
	if flow.Final(j.State) {
		r.finished = max(millis(j.FinishedAt), 1)
		r.took = max(r.finished-r.accepted, 1)
	}
	r.words = wordsOf(j)
	r.changed = true
	d.count(r, 1)
	return r.describe(rec)
}

// failure returns the fault that a record tells of for the first time.
func failure(rec *events.Record, known faultList) (faultName, bool) {
	if o := rec.Input.Outcome; o != nil {
		if o.Fault == nil {
			return faultName{}, false
		}
		return nameFault(o.Fault), true
	}
	if f := rec.Job.Fault; f != nil && !known.has(plain(f.Code), plain(f.Class)) {
		return nameFault(f), true
	}
	return faultName{}, false
}

// recover follows how long a job has been in trouble: from the first failure until
// nothing fails any more, or the job ends.
func (r *row) recover(j *events.Job, at int64, d *deltas) {
	troubled := inTrouble(j)
	switch {
	case r.since == 0 && troubled:
		r.since = max(at, 1)
	case r.since > 0 && !troubled:
		name := tallyRecovered
		switch j.State {
		case events.JobFailed, events.JobCancelled, events.JobRolledBack:
			name = tallyGivenUp
		}
		took := max(at-r.since, 0)
		d.tally(r.tenant, name, at, r.pipeline, bucketName(took), took)
		r.since = 0
	}
}

// inTrouble reports whether something of a job has failed and is not settled.
func inTrouble(j *events.Job) bool {
	if flow.Final(j.State) {
		return false
	}
	if j.State == events.JobAttention || j.State == events.JobCompensating && j.Fault != nil {
		return true
	}
	for _, s := range j.Steps {
		switch s.State {
		case events.StepPending, events.StepQueued, events.StepRetrying, events.StepAttention:
			if s.Fault != nil {
				return true
			}
		}
		if s.Undo != nil && s.Undo.State != events.UndoDone && s.Undo.Fault != nil {
			return true
		}
	}
	return false
}

// describe writes down what a list shows of the job.
func (r *row) describe(rec *events.Record) (err error) {
	j := &rec.Job
	it := api.JobItem{
		ID: r.id, Revision: rec.Revision, State: j.State, Pipeline: j.Pipeline,
		Key: j.Key, Labels: j.Labels, Files: len(j.Files), Steps: len(j.Steps),
		Fault: j.Fault, AcceptedAt: j.AcceptedAt, FinishedAt: j.FinishedAt, UpdatedAt: rec.Time,
	}
	if j.Rerun != nil {
		it.Rerun = j.Rerun.Job
	}
	if len(j.Files) > 0 {
		it.Name = j.Files[0].Name
	}
	for _, st := range j.Steps {
		switch st.State {
		case events.StepSucceeded, events.StepFailed, events.StepSkipped, events.StepCancelled:
			it.StepsDone++
		}
	}
	r.item, err = json.Marshal(it)
	return err
}

// millis is a time as the view holds it: 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixMilli(), 0)
}
