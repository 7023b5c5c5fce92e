package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// place is what was made of the records of a chain.
type place struct {
	// at is the record to go on from. Nil means the start.
	at       *events.Checkpoint
	decision events.Decision
	reason   string
	// attempt is that of the newest record that can be read, 0 when there is none.
	attempt int
	// state is that of at, as the stage has it.
	state reflect.Value
}

// choose decides where to go on: at the newest record that is whole. Faults:
// job.cancelled, checkpoint.overtaken, and those of the store.
func (r *Run) choose(ctx context.Context, kept []Entry) (place, error) {
	p := place{decision: events.DecisionStarted}
	damage := ""
	for i := len(kept) - 1; i >= 0; i-- {
		rec, err := r.whole(kept, i)
		if err != nil {
			damage = first(damage, err)
			continue
		}
		if p.attempt == 0 {
			p.attempt = rec.Attempt
		}
		if rec.Kind == events.CheckpointClosed && r.c.o.Undo {
			continue
		}
		if err := r.c.admit(rec); err != nil {
			return p, err
		}
		if rec.State == nil {
			break
		}
		if p.reason = r.foreign(rec); p.reason != "" {
			p.decision = events.DecisionRestarted
			return p, nil
		}
		if p.state, err = r.decodeState(rec.State); err != nil {
			p.decision, p.reason = events.DecisionRestarted, "the stage cannot read its state: "+err.Error()
			return p, nil
		}
		if lost, err := r.probe(ctx, rec); err != nil {
			return p, err
		} else if lost != nil {
			damage = first(damage, fmt.Errorf("checkpoint %d: %w", rec.Saves, lost))
			continue
		}
		p.at, p.decision = rec, events.DecisionResumed
		if damage != "" {
			p.decision, p.reason = events.DecisionFellBack, damage
		}
		return p, nil
	}
	if damage != "" {
		p.decision, p.reason = events.DecisionRestarted, damage
	}
	return p, nil
}

// first keeps the reason why the newest record is not used.
func first(known string, err error) string {
	if known != "" {
		return known
	}
	return err.Error()
}

// whole reads record i of those that are kept, and holds it against the one
// before it. One whose predecessor is damaged is not: it has its own digest.
func (r *Run) whole(kept []Entry, i int) (*events.Checkpoint, error) {
	key := r.c.o.Key
	rec, err := decode(key, kept[i].Data)
	if err != nil {
		return nil, fmt.Errorf("the record at %d is damaged: %w", kept[i].Position, err)
	}
	if i == 0 || rec.Kind == events.CheckpointClosed {
		return rec, nil
	}
	before := kept[i-1].Data
	if rec.Previous == digest(before) {
		return rec, nil
	}
	if _, err := decode(key, before); err != nil {
		return rec, nil
	}
	return nil, fmt.Errorf("the record at %d does not follow the one before it", kept[i].Position)
}

// admit fails when this attempt must not follow a record.
func (c *Chain) admit(rec *events.Checkpoint) error {
	switch {
	case c.o.Undo:
		return nil
	case rec.Kind == events.CheckpointClosed:
		return c.fail(fault.New(fault.JobCancelled, "the checkpoints of step "+c.o.Key.Step+" are closed", nil))
	case rec.Attempt > c.o.Attempt:
		return c.fail(fault.New(fault.CheckpointOvertaken, "step "+c.o.Key.Step, nil))
	}
	return nil
}

// foreign says why a place is of no use to this attempt, or nothing. An undo has
// other inputs than the work that it takes back, and no outputs.
func (r *Run) foreign(rec *events.Checkpoint) string {
	o := &r.c.o
	switch {
	case rec.Stage != o.Stage:
		return fmt.Sprintf("it was saved by %s, this is %s", rec.Stage, o.Stage)
	case rec.Version != r.version:
		return fmt.Sprintf("its state has version %d, this stage reads %d", rec.Version, r.version)
	case o.Undo:
		return ""
	case rec.Logic != fault.Clip(o.Logic, maxName):
		return fmt.Sprintf("it was saved by logic %q, this is %q", rec.Logic, o.Logic)
	case rec.Inputs != o.Inputs:
		return "the inputs are others"
	}
	return ""
}

// decodeState returns a new value of the stage's state.
func (r *Run) decodeState(data json.RawMessage) (reflect.Value, error) {
	v := reflect.New(reflect.TypeOf(r.state).Elem())
	return v, json.Unmarshal(data, v.Interface())
}

// probe looks whether the unfinished outputs of a record can be gone on with. lost
// says which cannot; err, that it could not be found out.
func (r *Run) probe(ctx context.Context, rec *events.Checkpoint) (lost, err error) {
	if r.c.o.Undo {
		return nil, nil
	}
	for key, state := range rec.Outputs {
		if r.c.o.Store == nil {
			return nil, fault.New(fault.InternalBug, "resume outputs without a store", nil)
		}
		w, err := r.c.o.Store.Resume(ctx, state, nil)
		switch {
		case err == nil:
			w.Abort()
		case isLost(err):
			return fmt.Errorf("output %s: %w", key, err), nil
		default:
			return nil, fault.From(err)
		}
	}
	return nil, nil
}

// isLost reports whether an unfinished output cannot be gone on with.
func isLost(err error) bool {
	return fault.Has(err, fault.ArtifactBadState) ||
		fault.Has(err, fault.ArtifactNotFound) || fault.Has(err, fault.ArtifactCorrupt)
}
