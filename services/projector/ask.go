package projector

import (
	"context"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/jobview"
)

// askTimeout bounds one question, so that a database that says nothing does not hold
// up who asks.
const askTimeout = 10 * time.Second

// ask answers from the view that serves, once that holds what the log does if it soon
// will, and returns how fresh it is.
func (p *Projector) ask(ctx context.Context, fn func(context.Context, *jobview.View) error) (*api.Freshness, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	p.await(ctx)
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.view == nil {
		why := p.state.view(time.Now()).Problem
		return nil, fault.New(fault.ViewUnavailable, why, nil)
	}
	fresh := p.state.view(time.Now()).Freshness
	err := fn(ctx, p.view)
	if fault.Has(err, fault.ViewDamaged) {
		wake(p.doubt)
	}
	return &fresh, err
}

// List returns a page of a tenant's jobs. It can hold fewer jobs than its limit, or
// none, and still have a next one. Faults: http.bad_request for a cursor that is none
// of this list; view.unavailable, view.damaged.
func (p *Projector) List(ctx context.Context, tenant string, q api.JobQuery) (page api.JobPage, err error) {
	fresh, err := p.ask(ctx, func(ctx context.Context, v *jobview.View) (err error) {
		page, err = v.List(ctx, tenant, q)
		return err
	})
	page.View = fresh
	return page, err
}

// Counts returns how many jobs of a tenant there are now, by state, pipeline and
// fault; of one pipeline if it is named. Faults: view.unavailable, view.damaged.
func (p *Projector) Counts(ctx context.Context, tenant, pipeline string) (c api.Counts, err error) {
	fresh, err := p.ask(ctx, func(ctx context.Context, v *jobview.View) (err error) {
		c, err = v.Counts(ctx, tenant, pipeline)
		return err
	})
	c.View = fresh
	return c, err
}

// Census returns how many jobs of all tenants the view holds, by pipeline and state. It
// waits for no record. Faults: view.unavailable, view.damaged.
func (p *Projector) Census(ctx context.Context) ([]jobview.Crowd, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.view == nil {
		return nil, fault.New(fault.ViewUnavailable, p.state.view(time.Now()).Problem, nil)
	}
	return p.view.Census(ctx)
}

// Failures returns what has failed, by fault. Faults: http.bad_request for a span
// that makes no sense; view.unavailable, view.damaged.
func (p *Projector) Failures(ctx context.Context, tenant string, q api.StatsQuery) (f api.Failures, err error) {
	f.View, err = p.stats(ctx, q, func(ctx context.Context, v *jobview.View, q api.StatsQuery) error {
		got, err := v.Failures(ctx, tenant, q)
		f.Failures = got.Failures
		return err
	})
	return f, err
}

// Recovery returns how long jobs were in trouble. Faults: as of Failures.
func (p *Projector) Recovery(ctx context.Context, tenant string, q api.StatsQuery) (r api.Recoveries, err error) {
	r.View, err = p.stats(ctx, q, func(ctx context.Context, v *jobview.View, q api.StatsQuery) error {
		got, err := v.Recovery(ctx, tenant, q)
		r.Spans = got.Spans
		return err
	})
	return r, err
}

// Throughput returns how many jobs came, ended and failed. Faults: as of Failures.
func (p *Projector) Throughput(ctx context.Context, tenant string, q api.StatsQuery) (t api.Throughput, err error) {
	t.View, err = p.stats(ctx, q, func(ctx context.Context, v *jobview.View, q api.StatsQuery) error {
		got, err := v.Throughput(ctx, tenant, q)
		t.Spans = got.Spans
		return err
	})
	return t, err
}

// stats completes a query before it is asked.
func (p *Projector) stats(
	ctx context.Context, q api.StatsQuery, fn func(context.Context, *jobview.View, api.StatsQuery) error,
) (*api.Freshness, error) {
	q, err := q.Complete(time.Now())
	if err != nil {
		return nil, err
	}
	return p.ask(ctx, func(ctx context.Context, v *jobview.View) error { return fn(ctx, v, q) })
}

// View returns what the view is kept in, and how far it is behind.
func (p *Projector) View() api.View {
	v := p.state.view(time.Now())
	v.Database = p.Views.Kind()
	return v
}

// Lag returns how many records the view is behind the log at most. Faults: those of
// the bus.
func (p *Projector) Lag(ctx context.Context) (uint64, error) {
	log, err := p.Bus.Extent(ctx, events.StreamEvents)
	if err != nil {
		return 0, err
	}
	return log.Last - min(log.Last, p.state.position()), nil
}

// Rebuild begins to build the view again, beside the one that serves, or goes on with
// that if it has begun. The generation takes over when it has caught up, also when it
// is another process that builds it. Faults: view.unavailable, and those of the bus.
func (p *Projector) Rebuild(ctx context.Context) (api.View, error) {
	log, err := p.Bus.Extent(ctx, events.StreamEvents)
	if err != nil {
		return api.View{}, err
	}
	all, current, err := p.Views.Generations(ctx)
	if err != nil {
		return api.View{}, err
	}
	if current == 0 {
		return api.View{}, fault.New(fault.ViewUnavailable, "it is being made", nil)
	}
	next := current + 1
	if last := all[len(all)-1]; last > current {
		next = last
	}
	if err := p.Views.Create(ctx, next, logName(log)); err != nil {
		return api.View{}, err
	}
	wake(p.nudge)
	v := p.View()
	if v.Building == nil {
		v.Building = &api.Building{Generation: next}
	}
	return v, nil
}
