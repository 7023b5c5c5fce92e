package sweep

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/stagehost"
)

// again delivers everything that was ever sent once more, in any order, to a worker
// that has not heard of anything since: work whose job has ended, and undos.
func (a *tale) again() {
	a.t.Helper()
	a.late = true
	set, err := stage.NewSet(append(a.cast(), &chew{a.watch})...)
	a.checkTold(err)
	b := &forgetful{link: a.link}
	host, err := stagehost.New(stagehost.Config{Broker: b, Store: a.store(), Stages: set, Worker: "late"})
	a.checkTold(err)
	keys := slices.Sorted(maps.Keys(a.sent))
	a.r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, key := range keys {
		m := a.sent[key].copy()
		a.checkTold(json.Unmarshal(m.Data, &b.task))
		m.Delivered = 1 + a.r.IntN(2)
		for _, s := range host.Subscriptions() {
			if matches(filterOf(s.Durable), m.Subject) {
				_ = s.Handle(a.ctx, m) // may well refuse
			}
		}
	}
}

// forgetful is the connection of a worker that was cut off before its job moved on: to
// it, the job still waits for whatever task it has.
type forgetful struct {
	link
	task events.Task
}

func (f *forgetful) Last(ctx context.Context, stream, filter string) (*bus.Message, error) {
	if stream != events.StreamEvents {
		return f.link.Last(ctx, stream, filter)
	}
	st := events.Step{State: events.StepQueued, Attempt: f.task.Attempt}
	if f.task.Undo {
		st.Undo = &events.StepUndo{State: events.UndoQueued, Attempt: f.task.Attempt}
	}
	data, err := json.Marshal(events.Record{Job: events.Job{
		ID: f.task.Job, Tenant: f.task.Tenant, State: events.JobRunning, Steps: map[string]events.Step{f.task.Step: st},
	}})
	if err != nil {
		return nil, fault.New(fault.InternalBug, "encode a record", err)
	}
	return &bus.Message{Data: data}, nil
}
