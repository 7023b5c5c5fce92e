package projector

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/jobview"
)

// errChanged ends a session because the generations are others now.
var errChanged = errors.New("the generations have changed")

// session keeps the view until something fails or the generations change, which is no
// error.
func (p *Projector) session(ctx context.Context) error {
	writer, err := p.Views.Lead(ctx)
	if err != nil {
		return err
	}
	log, err := p.Bus.Extent(ctx, events.StreamEvents)
	if err != nil {
		return err
	}
	current, building, useless, err := p.generations(ctx, log, writer)
	if err != nil {
		return err
	}
	position, _, err := current.Position(ctx)
	if err != nil {
		return errors.Join(err, current.Close(), closed(building))
	}
	p.serve(current)
	p.state.begin(writer, current.Generation, building, position, log.Last)
	p.settled()
	for _, n := range useless {
		if err := p.Views.Drop(ctx, n); err != nil {
			return errors.Join(err, closed(building))
		}
	}

	ctx, cancel := context.WithCancelCause(ctx)
	var group sync.WaitGroup
	start := func(run func(context.Context) error) {
		group.Go(func() { cancel(run(ctx)) })
	}
	start(func(ctx context.Context) error { return p.watch(ctx, current) })
	start(func(ctx context.Context) error { return p.inspect(ctx, current) })
	if writer {
		start(func(ctx context.Context) error { return p.follow(ctx, current, nil) })
	}
	if writer && building != nil {
		start(func(ctx context.Context) error { return p.build(ctx, building) })
	}
	<-ctx.Done()
	group.Wait()
	err = context.Cause(ctx)
	if fault.Has(err, fault.ViewDamaged) {
		p.condemned = current.Generation
	}
	if errors.Is(err, errChanged) {
		err = nil
	}
	return errors.Join(err, closed(building))
}

func closed(v *jobview.View) error {
	if v == nil {
		return nil
	}
	return v.Close()
}

// logName names a log: one that was made again is another.
func logName(e bus.Extent) string { return e.Created.Format(time.RFC3339Nano) }

// generations opens the generation that serves, and the one that is being built if
// there is one. The writer makes one that serves where there is none or none that is
// sound. It names those that nobody needs then.
func (p *Projector) generations(
	ctx context.Context, log bus.Extent, writer bool,
) (current, building *jobview.View, useless []int64, err error) {
	all, serving, err := p.Views.Generations(ctx)
	if err == nil && serving > 0 {
		current, err = p.sound(ctx, serving)
	}
	switch {
	case err != nil:
		return nil, nil, nil, err
	case current == nil && !writer:
		return nil, nil, nil, fault.New(fault.ViewUnavailable, "another process is making it", nil)
	case current == nil:
		if current, err = p.begin(ctx, 1+last(all), log); err != nil {
			return nil, nil, nil, err
		}
	case !writer:
		return current, nil, nil, nil
	}
	if newest := last(all); newest > current.Generation {
		if building, err = p.sound(ctx, newest); err != nil {
			return nil, nil, nil, errors.Join(err, current.Close())
		}
	}
	useless = slices.DeleteFunc(all, func(n int64) bool {
		return n == current.Generation || building != nil && n == building.Generation
	})
	return current, building, useless, nil
}

// last is the newest generation, or 0.
func last(all []int64) int64 {
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1]
}

// sound opens a generation, if it is that of the log and nothing is wrong with it.
func (p *Projector) sound(ctx context.Context, n int64) (*jobview.View, error) {
	if n == p.condemned {
		return nil, nil
	}
	v, err := p.Views.Open(ctx, n)
	if fault.Has(err, fault.ViewDamaged) {
		p.Log.Warn("the view of jobs is built again", "generation", n, "error", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	position, _, err := v.Position(ctx)
	var log bus.Extent
	if err == nil {
		// Not before: other processes may write the view while this one looks.
		log, err = p.Bus.Extent(ctx, events.StreamEvents)
	}
	switch {
	case fault.Has(err, fault.ViewDamaged):
	case err != nil:
		return nil, errors.Join(err, v.Close())
	case v.Log == logName(log) && position <= log.Last:
		return v, nil
	}
	p.Log.Warn("the view of jobs is not that of the log, and is built again", "generation", n)
	return nil, v.Close()
}

// begin makes a generation that serves at once, because there is no other.
func (p *Projector) begin(ctx context.Context, n int64, log bus.Extent) (*jobview.View, error) {
	if err := p.Views.Create(ctx, n, logName(log)); err != nil {
		return nil, err
	}
	if err := p.Views.Serve(ctx, n); err != nil {
		return nil, err
	}
	return p.Views.Open(ctx, n)
}

// watch looks how far the log is, and whether the generations are still the same.
func (p *Projector) watch(ctx context.Context, current *jobview.View) error {
	ticker := time.NewTicker(p.PollEvery)
	defer ticker.Stop()
	known, _, err := p.Views.Generations(ctx)
	if err != nil {
		return err
	}
	for {
		if err := p.refresh(ctx, current); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		case <-p.nudge:
		}
		now, serving, err := p.Views.Generations(ctx)
		if err != nil {
			return err
		}
		if serving != current.Generation || !slices.Equal(now, known) {
			return errChanged
		}
		if p.state.isWriter() {
			continue
		}
		if leads, err := p.Views.Lead(ctx); err != nil || leads {
			return errors.Join(err, errChanged)
		}
	}
}

// inspect looks for damage in the view that serves: once, and whenever a reader met
// some.
func (p *Projector) inspect(ctx context.Context, current *jobview.View) error {
	for {
		if p.inspected != current.Generation {
			if err := current.Check(ctx); err != nil {
				return err
			}
			p.inspected = current.Generation
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.doubt:
			p.inspected = 0
		}
	}
}

// refresh notes how far the view is behind the log.
func (p *Projector) refresh(ctx context.Context, current *jobview.View) error {
	log, err := p.Bus.Extent(ctx, events.StreamEvents)
	if err != nil {
		return err
	}
	position, _, err := current.Position(ctx)
	if err != nil {
		return err
	}
	newest, waits := log.Last, time.Time{}
	if position < newest {
		m, err := p.Bus.Next(ctx, events.StreamEvents, events.AllEvents, position+1)
		switch {
		case fault.Has(err, fault.BusNotFound):
			newest = position
			p.state.nothing(log.Last)
		case err != nil:
			return err
		default:
			waits = m.Time
		}
	}
	p.state.look(position, newest, waits)
	p.settled()
	return nil
}
