package projector

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/jobview"
)

// follow folds the log into a view from where the view is, until ctx ends or done
// says so after a batch, or when there was nothing for a while.
func (p *Projector) follow(ctx context.Context, v *jobview.View, done func(context.Context, uint64) (bool, error)) error {
	at, _, err := v.Position(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	q := newQueue()
	read := make(chan struct{})
	go func() {
		defer close(read)
		cancel(p.Bus.Scan(ctx, bus.Scan{Stream: events.StreamEvents, From: at + 1, Follow: true},
			func(m *bus.Message) error { return q.put(ctx, m) }))
	}()
	defer func() { cancel(nil); <-read }()

	if err := p.expire(ctx, v); err != nil {
		return err
	}
	expire := time.NewTicker(p.ExpireEvery)
	defer expire.Stop()
	look := time.NewTicker(p.PollEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-expire.C:
			if err := p.expire(ctx, v); err != nil {
				return err
			}
		case <-look.C:
		case <-q.more:
			if at, err = p.fold(ctx, v, at, q.take()); err != nil {
				return err
			}
		}
		if done == nil {
			continue
		}
		if ended, err := done(ctx, at); ended || err != nil {
			return err
		}
	}
}

// fold takes a batch into a view and returns where that is then.
func (p *Projector) fold(ctx context.Context, v *jobview.View, at uint64, batch []*bus.Message) (uint64, error) {
	if len(batch) == 0 {
		return at, nil
	}
	entries := make([]jobview.Entry, 0, len(batch))
	for _, m := range batch {
		if e, ok := p.decode(m); ok {
			entries = append(entries, e)
		}
	}
	last := batch[len(batch)-1]
	err := v.Apply(ctx, jobview.Step{From: at, To: last.Sequence, Stored: last.Time}, entries)
	if err != nil {
		return at, err
	}
	p.state.advance(v.Generation, last.Sequence)
	p.settled()
	return last.Sequence, nil
}

// decode reads a record. What is none is passed over.
func (p *Projector) decode(m *bus.Message) (e jobview.Entry, ok bool) {
	tokens, ok := events.Tokens(m.Subject, "events", 4)
	if !ok {
		return e, false
	}
	e = jobview.Entry{Sequence: m.Sequence, Tenant: tokens[0], Pipeline: tokens[1], Job: tokens[2]}
	if err := json.Unmarshal(m.Data, &e.Record); err != nil || e.Record.Revision == 0 {
		p.Log.Warn("a record cannot be read", "sequence", m.Sequence, "error", err)
		return e, false
	}
	return e, true
}

// expire removes what the log has forgotten.
func (p *Projector) expire(ctx context.Context, v *jobview.View) error {
	log, err := p.Bus.Extent(ctx, events.StreamEvents)
	if err != nil {
		return err
	}
	for {
		n, err := v.Expire(ctx, log.First, log.FirstTime)
		if n == 0 || err != nil {
			return err
		}
		p.Log.Info("jobs past their retention are forgotten", "jobs", n)
	}
}

// build folds the log into a new generation, and lets it serve when it is as far as
// the one that does.
func (p *Projector) build(ctx context.Context, v *jobview.View) error {
	err := p.follow(ctx, v, func(ctx context.Context, at uint64) (bool, error) {
		if !p.state.caughtUp(at) {
			return false, nil
		}
		if err := p.Views.Serve(ctx, v.Generation); err != nil {
			return false, err
		}
		p.Log.Info("the view of jobs was built again", "generation", v.Generation)
		return true, errChanged
	})
	if fault.Has(err, fault.ViewDamaged) {
		// Not the one that serves; building begins again.
		return errors.Join(p.Views.Drop(ctx, v.Generation), errChanged)
	}
	return err
}
