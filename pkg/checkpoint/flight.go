package checkpoint

import (
	"context"
	"encoding/json"
	"maps"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// flight is a place on its way to be durable.
type flight struct {
	record events.Checkpoint
	marks  map[string]*artifact.Mark
	cancel context.CancelCauseFunc
	// landed is closed when it has ended; err is how.
	landed chan struct{}
	err    error
}

// take notes the place that the state and the outputs are at, and begins to save
// it. Nothing is being saved when it is called.
func (r *Run) take(ctx context.Context, done, total int64) (*flight, error) {
	f := &flight{record: r.c.record(events.CheckpointSave), landed: make(chan struct{})}
	state, err := json.Marshal(r.state)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "encode the state of a stage", err)
	}
	if len(state) > maxState {
		return nil, fault.New(fault.CheckpointTooLarge, "state of "+strconv.Itoa(len(state))+" bytes", nil)
	}
	f.record.Version, f.record.State = r.version, state
	f.record.Done, f.record.Total = done, total
	f.record.Outputs = maps.Clone(r.kept)
	r.forget()
	f.marks = make(map[string]*artifact.Mark, len(r.open))
	for key, w := range r.open {
		f.marks[key] = w.Mark()
	}
	// A place that was taken is saved, whatever becomes of the call: the attempt
	// may end, and the next one be glad of it.
	ctx, f.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	r.flight, r.done, r.stride, r.last = f, done, 0, r.c.o.Now()
	go r.fly(ctx, f)
	return f, nil
}

// fly saves a place. It ends before landed is closed; stop waits for that.
func (r *Run) fly(ctx context.Context, f *flight) {
	defer f.cancel(nil)
	defer close(f.landed)
	f.err = r.c.store(ctx, f)
	failed := r.c.failed()
	if f.err != nil && failed != nil {
		f.err = failed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flight, r.retry = nil, f.err != nil
	switch {
	case f.err == nil:
	case fault.Has(f.err, fault.CheckpointTooLarge):
		r.broken = f.err
	case failed == nil:
		r.c.o.Slog.Warn("place not saved", r.c.labels("done", f.record.Done, "error", f.err)...)
	}
}

// store waits for the outputs of a place and stores its record.
func (c *Chain) store(ctx context.Context, f *flight) error {
	for key, m := range f.marks {
		state, err := m.Wait(ctx)
		if err != nil {
			return fault.From(err)
		}
		if f.record.Outputs == nil {
			f.record.Outputs = make(map[string]json.RawMessage, len(f.marks))
		}
		f.record.Outputs[key] = state
	}
	if _, err := c.write(ctx, f.record); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved++
	return nil
}

// stop ends what is being saved, and waits for that. The chain has failed before,
// so nothing begins any more.
func (r *Run) stop() {
	r.mu.Lock()
	f := r.flight
	r.mu.Unlock()
	if f != nil {
		f.cancel(r.c.failed())
		<-f.landed
	}
}

// labels are the attributes of a line of the log.
func (c *Chain) labels(more ...any) []any {
	return append([]any{"job", c.o.Key.Job, "step", c.o.Key.Step, "attempt", c.o.Attempt}, more...)
}
