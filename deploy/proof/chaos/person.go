package main

import (
	"context"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// Whatever was on its way when a call was given up has arrived after that time: twice
// its time limit.
const patience = 4 * time.Second

// person looks after jobs in attention.
type person struct {
	watch   *watch
	client  *client.Client
	service map[string]*service // by the step that calls it

	mu sync.Mutex
	// done and notDone count effects that were found to have been made or not; other
	// counts what was simply tried again, by the code of its fault.
	done, notDone int
	other         map[string]int
}

// run looks for jobs in attention until ctx ends.
func (p *person) run(ctx context.Context) {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, job := range p.watch.in(events.JobAttention, patience) {
			p.see(ctx, job)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// see settles what one job waits for. What goes wrong is seen again next time.
func (p *person) see(ctx context.Context, id string) {
	j, err := p.client.Job(ctx, id)
	if err != nil || j.Job.State != events.JobAttention {
		return
	}
	for step, st := range j.Job.Steps {
		f := st.Fault
		switch {
		case st.Undo != nil && st.Undo.State == events.UndoAttention:
			f = st.Undo.Fault
		case st.State != events.StepAttention:
			continue
		}
		o := api.Order{Step: step, Reason: "a person looked"}
		if st.Effect != "" {
			o.Effect = p.look(j.Job, step, st.Effect)
		}
		if _, err := p.client.Order(ctx, id, events.VerbRetry, o); err == nil {
			p.count(o.Effect, f)
		}
	}
}

// look finds out at the service whether an effect was made.
func (p *person) look(j events.Job, step, effect string) events.Settlement {
	s := p.service[step]
	if s != nil && s.happened(events.EffectID(j.Tenant, j.ID, step, effect)) {
		return events.SettleDone
	}
	return events.SettleNotDone
}

func (p *person) count(word events.Settlement, f *events.Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case word == events.SettleDone:
		p.done++
	case word == events.SettleNotDone:
		p.notDone++
	case f != nil:
		p.other[f.Code]++
	default:
		p.other["none"]++
	}
}

// cancel cancels a job, until somebody has heard it or it is too late.
func cancel(ctx context.Context, c *client.Client, job string) {
	for ctx.Err() == nil {
		_, err := c.Cancel(ctx, job, "somebody changed their mind")
		if err == nil || fault.Has(err, fault.JobNotAllowed) {
			return
		}
		if j, err := c.Job(ctx, job); err == nil && flow.Final(j.Job.State) {
			return
		}
		pause(ctx)
	}
}

// pause waits a little before something is tried again.
func pause(ctx context.Context) {
	select {
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
	}
}
