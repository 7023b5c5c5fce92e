package notifier

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/webhook"
)

// Settings of a lane.
const (
	// stride is how many records that concern nobody are passed before the place is
	// saved.
	stride = 1000
	// lastWord is how long a lane that must end may take to save its place.
	lastWord = 2 * time.Second
	// secondTry is how long a job rests whose record could not be read.
	secondTry = time.Second
)

// How a lane ends of itself.
var (
	errDone    = errors.New("the replay has ended")
	errStopped = errors.New("the endpoint was disabled")
	// errChanged is the cause of a stop because the endpoint was changed.
	errChanged = errors.New("the endpoint was changed")
	errEnd     = errors.New("the last record of the replay was seen")
)

// poster sends a message to an endpoint. [Notifier.post] does.
type poster func(ctx context.Context, e *webhook.Endpoint, id string, body []byte) answer

// lane sends the events of an endpoint from one place on. All but seen is for one
// goroutine.
type lane struct {
	*Notifier
	post     poster
	endpoint *webhook.Endpoint
	name     string
	replay   *api.Replay // nil for the main lane
	filter   webhook.Filter
	slots    int
	log      *slog.Logger

	table    *table
	revision uint64
	dirty    bool
	saved    time.Time
	place    uint64 // the place that was saved
	failures int
	failing  time.Time // since when
	rests    time.Time // until when nothing is sent
	busy     int
	scanned  bool // everything that a replay is about was seen

	// seen is the last record that was found to concern nobody.
	seen    atomic.Uint64
	results chan result
}

func (n *Notifier) newLane(e *webhook.Endpoint, r *api.Replay) *lane {
	l := &lane{
		Notifier: n, post: n.post, endpoint: e, name: endpoints.MainLane, replay: r, filter: e.Filter, slots: n.InFlight,
	}
	if r != nil {
		l.name, l.slots = r.ID, max(1, n.InFlight/4)
		if len(r.Types) > 0 {
			l.filter.Types = r.Types
		}
	}
	l.results = make(chan result, l.slots)
	l.log = n.Log.With("webhook", e.ID, "tenant", e.Tenant, "lane", l.name)
	return l
}

// run sends until ctx ends; then requests may go on for a while, and the place is
// saved. It returns errDone, errStopped, or what is in the way.
func (l *lane) run(ctx context.Context) error {
	if err := l.load(ctx); err != nil {
		return err
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	found, ended := make(chan found), make(chan error, 1)
	var reader sync.WaitGroup
	from := l.table.done + 1
	reader.Go(func() { ended <- l.read(reading, from, found) })
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	err := l.loop(ctx, sending, found, ended)
	stop()
	reader.Wait()
	l.drain(ctx, cut)
	if fault.Has(err, fault.BusFenced) {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	return errors.Join(err, l.save(last))
}

// loop is the life of a lane.
func (l *lane) loop(ctx, sending context.Context, found <-chan found, ended <-chan error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := time.Now()
		if err := l.saveIfDue(ctx, now); err != nil {
			return err
		}
		l.begin(sending, now)
		if l.scanned && l.table.empty() {
			return l.finish(ctx)
		}
		timer.Reset(l.sleeps(now))
		in := found
		if !l.hasRoom(now) {
			in = nil
		}
		select {
		case f := <-in:
			l.table.take(f)
			l.dirty = true
		case r := <-l.results:
			if err := l.settle(ctx, r); err != nil {
				return err
			}
		case err := <-ended:
			if l.replay == nil || err != nil {
				return fault.New(fault.BusUnreachable, "the log cannot be read", err)
			}
			l.scanned, ended = true, nil
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// load takes up where the lane was left.
func (l *lane) load(ctx context.Context) error {
	state, revision, err := l.book.Lane(ctx, l.endpoint.Tenant, l.endpoint.ID, l.name)
	if err != nil {
		return err
	}
	start := l.endpoint.Since
	if l.replay != nil {
		start = l.replay.From - 1
	}
	if state == nil || l.replay == nil && state.Done < start {
		state = &endpoints.Lane{Done: start}
	}
	l.revision, l.place = revision, state.Done
	l.failures, l.failing = state.Failures, state.FailingSince
	l.table = newTable(state)
	return nil
}

// read hands on what concerns the endpoint, in the order of the log.
func (l *lane) read(ctx context.Context, from uint64, out chan<- found) error {
	scan := bus.Scan{
		Stream: events.StreamEvents, Filters: l.filter.Subjects(l.endpoint.Tenant), From: from,
		HeadersOnly: true, Follow: l.replay == nil,
	}
	if l.replay != nil && l.replay.Job != "" {
		scan.Filters = []string{events.HistoryFilter(l.endpoint.Tenant, l.replay.Job)}
	}
	err := l.history.Scan(ctx, scan, func(m *bus.Message) error {
		if l.replay != nil && m.Sequence > l.replay.To {
			return errEnd
		}
		tokens, ok := events.Tokens(m.Subject, "events", 4)
		if !ok || !l.filter.WantsRecord(m.Header) {
			l.seen.Store(m.Sequence)
			return nil
		}
		select {
		case out <- found{job: tokens[2], sequence: m.Sequence}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if errors.Is(err, errEnd) {
		return nil
	}
	return err
}

// finish ends a replay.
func (l *lane) finish(ctx context.Context) error {
	err := l.book.EndReplay(ctx, l.endpoint.Tenant, l.endpoint.ID, l.name)
	if err != nil {
		return err
	}
	l.dirty = false
	return errDone
}

// drain waits for the requests that are under way, for a while.
func (l *lane) drain(ctx context.Context, cut context.CancelFunc) {
	patience := l.Drain
	if errors.Is(context.Cause(ctx), errChanged) {
		patience = l.Timeout
	}
	timer := time.AfterFunc(patience, cut)
	defer timer.Stop()
	for l.busy > 0 {
		// What is to be done about it is for who goes on.
		_ = l.settle(context.WithoutCancel(ctx), <-l.results)
	}
}

// saveIfDue saves the place when it has changed and was not saved for a while.
func (l *lane) saveIfDue(ctx context.Context, now time.Time) error {
	if l.table.done = max(l.table.done, l.seen.Load()); l.table.done >= l.place+stride {
		l.dirty = true
	}
	if !l.dirty || now.Before(l.saved.Add(l.SaveEvery)) {
		return nil
	}
	return l.save(ctx)
}

// save stores the place.
func (l *lane) save(ctx context.Context) error {
	if !l.dirty {
		return nil
	}
	state := l.table.state()
	state.Failures, state.FailingSince = l.failures, l.failing
	revision, err := l.book.SaveLane(ctx, l.endpoint.Tenant, l.endpoint.ID, l.name, state, l.revision)
	if err != nil {
		return err
	}
	l.revision, l.place, l.saved, l.dirty = revision, state.Done, time.Now(), false
	return nil
}
