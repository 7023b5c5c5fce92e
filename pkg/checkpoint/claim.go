package checkpoint

import (
	"context"
	"reflect"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// claimTries bounds how often a claim is tried while an older attempt, which does
// not know yet that it is overtaken, goes on saving.
const claimTries = 20

// Resume begins the work of the attempt, at the place that was saved last. It is
// called once; a second call fails with internal.bug.
//
// state is a pointer to what the stage has to remember: exported fields, at most
// 64 KiB as JSON. It is filled with what it was at that place, or left alone when
// there is none. version is that of its meaning: a place that was saved with
// another one is not used.
//
// Faults: checkpoint.overtaken when another worker is faster, job.cancelled when
// the chain is closed, those of the log and of the store, and the error of
// [Options.Resumed].
func (c *Chain) Resume(ctx context.Context, version int, state any) (*Run, error) {
	r, err := c.begin(version, state)
	if err != nil {
		return nil, err
	}
	switch {
	case c.o.Log == nil:
	case c.o.Undo:
		err = r.find(ctx)
	case c.o.Bytes > 0 && !c.o.Fresh:
		err = r.claim(ctx)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// begin makes the run of the chain.
func (c *Chain) begin(version int, state any) (*Run, error) {
	if v := reflect.ValueOf(state); v.Kind() != reflect.Pointer || v.IsNil() {
		return nil, fault.New(fault.InternalBug, "the state of a stage must be a pointer", nil)
	}
	r := &Run{c: c, version: version, state: state, last: c.o.Now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		return nil, c.err
	case c.run != nil:
		return nil, fault.New(fault.InternalBug, "Resume was called twice", nil)
	}
	c.run = r
	return r, nil
}

// find goes to the place that was saved last and writes nothing.
func (r *Run) find(ctx context.Context) error {
	kept, err := r.c.o.Log.Kept(ctx, r.c.o.Key)
	if err != nil {
		return answer(ctx, err)
	}
	p, err := r.choose(ctx, kept)
	if err != nil {
		return err
	}
	r.goTo(p)
	return nil
}

// claim takes the chain over and goes to the place that was saved last.
func (r *Run) claim(ctx context.Context) error {
	for try := 1; ; try++ {
		kept, err := r.c.o.Log.Kept(ctx, r.c.o.Key)
		if err != nil {
			return answer(ctx, err)
		}
		p, err := r.choose(ctx, kept)
		if err != nil {
			return err
		}
		r.c.follow(kept)
		cause := r.c.cause(p)
		at, err := r.c.append(ctx, r.record(p, cause))
		switch {
		case err == nil:
			r.goTo(p)
			return r.tell(ctx, at, p, cause)
		case !fault.Has(err, fault.CheckpointOvertaken):
			return err
		}
		if err := r.c.yields(ctx); err != nil {
			return err
		}
		if try == claimTries {
			return r.c.fail(err)
		}
	}
}

// follow makes the newest of the kept records the one to write behind.
func (c *Chain) follow(kept []Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.head = head{}
	for _, e := range kept {
		c.head.position, c.head.digest = e.Position, digest(e.Data)
		if rec, err := decode(c.o.Key, e.Data); err == nil {
			c.head.sequence, c.head.saves = rec.Sequence, rec.Saves
		} else {
			c.head.sequence++
		}
	}
}

// yields fails when a claim that was refused is not to be tried again: because
// another worker has claimed the chain for the same attempt, or a later one. A
// save of an attempt before this one is no reason.
func (c *Chain) yields(ctx context.Context) error {
	e, err := c.o.Log.Last(ctx, c.o.Key)
	switch {
	case fault.Has(err, fault.CheckpointNone):
		return nil
	case err != nil:
		return answer(ctx, err)
	}
	rec, err := decode(c.o.Key, e.Data)
	if err != nil {
		return nil
	}
	if rec.Kind == events.CheckpointClaim && rec.Attempt >= c.o.Attempt {
		return c.fail(fault.New(fault.CheckpointOvertaken, "step "+c.o.Key.Step, nil))
	}
	return c.admit(rec)
}

// cause is what ended the attempt before.
func (c *Chain) cause(p place) *events.Fault {
	if c.o.Cause != nil || p.attempt == 0 || p.attempt != c.o.Attempt {
		return c.o.Cause
	}
	return flow.Recorded(fault.New(fault.StageWorkerLost, "", nil))
}

// record is the claim of a place.
func (r *Run) record(p place, cause *events.Fault) events.Checkpoint {
	rec := r.c.record(events.CheckpointClaim)
	rec.Cause, rec.Decision, rec.Reason = cause, p.decision, p.reason
	if p.at != nil {
		rec.Version, rec.State, rec.Outputs = p.at.Version, p.at.State, p.at.Outputs
		rec.Saves, rec.Done, rec.Total = p.at.Saves, p.at.Done, p.at.Total
	}
	return rec
}

// record is the part that all records of the attempt have.
func (c *Chain) record(kind events.CheckpointKind) events.Checkpoint {
	return events.Checkpoint{
		Job: c.o.Key.Job, Tenant: c.o.Key.Tenant, Step: c.o.Key.Step,
		Stage: c.o.Stage, Logic: c.o.Logic, Attempt: c.o.Attempt, Worker: c.o.Worker,
		Kind: kind, Inputs: c.o.Inputs, Time: stamp(c.o.Now()),
	}
}

// goTo makes p the place where the work goes on.
func (r *Run) goTo(p place) {
	if p.at == nil {
		return
	}
	reflect.ValueOf(r.state).Elem().Set(p.state.Elem())
	r.resumed, r.done, r.seen = p.at.Done, p.at.Done, p.at.Done
	r.kept = p.at.Outputs
}

// tell says where the attempt goes on.
func (r *Run) tell(ctx context.Context, claim uint64, p place, cause *events.Fault) error {
	if p.decision == events.DecisionStarted || r.c.o.Resumed == nil {
		return nil
	}
	e := events.Resumed{Claim: claim, Decision: p.decision, Reason: p.reason, Cause: cause}
	if p.at != nil {
		e.Checkpoint, e.Done, e.Total = p.at.Saves, p.at.Done, p.at.Total
	}
	e.Percent = Percent(e.Done, e.Total)
	return r.c.o.Resumed(ctx, e)
}

// Percent is how much of a total is done, from 0 to 100, without fractions. It is 0
// when the total is 0, which means unknown.
func Percent(done, total int64) int {
	if total <= 0 {
		return 0
	}
	return int(100 * (float64(min(done, total)) / float64(total)))
}
