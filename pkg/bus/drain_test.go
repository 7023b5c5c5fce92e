package bus_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

// No message is handled twice because it waited in the client.
func TestNothingWaitsUnattended(t *testing.T) {
	t.Parallel()
	w := newWorld(t, bustest.ServerOptions{})
	c := bustest.Connect(t, w.server)
	if err := c.Provision(t.Context(), bus.Streams{AckWait: 600 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	var seen tally
	sub := intake(func(_ context.Context, m *bus.Message) error {
		<-time.After(20 * time.Millisecond)
		seen.add(m.ID)
		return nil
	})
	sub.MaxInFlight = 2
	submit(t, c, 100)
	start(t, c, bus.RouterOptions{}, sub)
	w.empty(t, events.StreamIntake)
	if seen.total() != 100 {
		t.Errorf("%d calls for 100 messages", seen.total())
	}
}

// A handler that takes far longer than the ack wait has its message to itself.
func TestLongWorkIsKeptAlive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, bustest.ServerOptions{})
	c := bustest.Connect(t, w.server)
	if err := c.Provision(t.Context(), bus.Streams{AckWait: 600 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int32
	start(t, c, bus.RouterOptions{}, intake(func(ctx context.Context, _ *bus.Message) error {
		calls.Add(1)
		select {
		case <-time.After(2 * time.Second):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}))
	submit(t, c, 5)
	w.empty(t, events.StreamIntake)
	if n := calls.Load(); n != 5 {
		t.Errorf("%d calls for 5 messages", n)
	}
}

// Every way of stopping leaves the process alive, with messages buffered, and
// leaves no message behind: each one is with another worker long before the ack
// wait, which is 30 s here.
func TestStopWithBufferedMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, bustest.ServerOptions{})
	c := bustest.Connect(t, w.server)
	if err := c.Provision(t.Context(), bus.Streams{AckWait: 30 * time.Second}); err != nil {
		t.Fatal(err)
	}
	var seen tally
	handle := func(ctx context.Context, m *bus.Message) error {
		select {
		case <-time.After(5 * time.Millisecond):
			seen.add(m.ID)
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	const jobs = 600
	submit(t, c, jobs)
	for i := range 12 {
		sub := intake(handle)
		sub.MaxInFlight = 16
		r, err := bus.NewRouter(c, bus.RouterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Add(sub); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		<-r.Running()
		<-time.After(time.Duration(2+3*i) * time.Millisecond)
		switch i % 3 {
		case 0:
			cancel()
		case 1:
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		case 2:
			go func() { _ = r.Close() }()
			cancel()
		}
		if err := <-ended; err != nil {
			t.Fatalf("stop %d: %v", i, err)
		}
		cancel()
	}
	start(t, c, bus.RouterOptions{}, intake(handle))
	w.empty(t, events.StreamIntake)
	if seen.distinct() != jobs || seen.total() != jobs {
		t.Errorf("%d calls for %d of %d messages", seen.total(), seen.distinct(), jobs)
	}
}

// The same with a plain Watermill router: our subscriber must not depend on the
// facade.
func TestStopOfAWatermillRouter(t *testing.T) {
	t.Parallel()
	ways := map[string]func(*message.Router, *message.Handler, context.CancelFunc){
		"router close": func(r *message.Router, _ *message.Handler, _ context.CancelFunc) { _ = r.Close() },
		"context":      func(_ *message.Router, _ *message.Handler, cancel context.CancelFunc) { cancel() },
		"handler stop": func(_ *message.Router, h *message.Handler, _ context.CancelFunc) { h.Stop() },
	}
	for name, stop := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, c := provisioned(t, bustest.ServerOptions{})
			var seen tally
			submit(t, c, 200)
			for round := 0; seen.distinct() < 200; round++ {
				h, cancel, ended := watermillRouter(t, c, func(m *message.Message) error {
					<-time.After(2 * time.Millisecond)
					seen.add(m.UUID)
					return nil
				})
				<-time.After(time.Duration(20+round) * time.Millisecond)
				stop(h.router, h.handler, cancel)
				<-h.handler.Stopped()
				cancel()
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
			}
			w.empty(t, events.StreamIntake)
			if seen.total() != 200 {
				t.Errorf("%d calls for 200 messages", seen.total())
			}
		})
	}
}

type routed struct {
	router  *message.Router
	handler *message.Handler
}

func watermillRouter(
	t *testing.T, c *bus.Conn, handle message.NoPublishHandlerFunc,
) (routed, context.CancelFunc, <-chan error) {
	t.Helper()
	sub, err := bus.NewSubscriber(c, bus.SubscriberOptions{
		MaxInFlight: 16, Drain: 5 * time.Second,
		Locate: func(context.Context, string) (bus.Source, error) {
			return bus.Source{Stream: events.StreamIntake, Consumer: events.ConsumerIntake}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	h := r.AddConsumerHandler("h", "topic", sub, handle)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	<-r.Running()
	return routed{r, h}, cancel, ended
}

// What has started is finished, what has not is handed over at once.
func TestDrainFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, bustest.ServerOptions{})
	c := bustest.Connect(t, w.server)
	if err := c.Provision(t.Context(), bus.Streams{AckWait: 30 * time.Second}); err != nil {
		t.Fatal(err)
	}
	started, release := make(chan struct{}, 10), make(chan struct{})
	sub := intake(func(ctx context.Context, _ *bus.Message) error {
		started <- struct{}{}
		<-release
		return ctx.Err()
	})
	sub.MaxInFlight = 2
	first := start(t, c, bus.RouterOptions{}, sub)
	submit(t, c, 5)
	<-started
	<-started
	first.cancel()
	var second tally
	start(t, bustest.Connect(t, w.server), bus.RouterOptions{}, intake(
		func(_ context.Context, m *bus.Message) error { second.add(m.ID); return nil }))
	eventually(t, "the second has the rest", func() bool { return second.distinct() == 3 })
	close(release)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	w.empty(t, events.StreamIntake)
	if second.total() != 3 {
		t.Errorf("the second worked on %d messages, want 3", second.total())
	}
}

// After the drain the context ends with the reason, and the message is with
// another worker at once, long before the ack wait.
func TestDrainEndsTheContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, bustest.ServerOptions{})
	c := bustest.Connect(t, w.server)
	if err := c.Provision(t.Context(), bus.Streams{AckWait: 30 * time.Second}); err != nil {
		t.Fatal(err)
	}
	started, cause := make(chan struct{}, 1), make(chan error, 1)
	sub := intake(func(ctx context.Context, _ *bus.Message) error {
		started <- struct{}{}
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	})
	sub.Drain = 50 * time.Millisecond
	first := start(t, c, bus.RouterOptions{}, sub)
	submit(t, c, 1)
	<-started
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-cause; !fault.Has(err, fault.StageDraining) {
		t.Errorf("cause: %v, want stage.draining", err)
	}
	start(t, c, bus.RouterOptions{}, intake(func(context.Context, *bus.Message) error { return nil }))
	w.empty(t, events.StreamIntake)
}

// A handler that ignores its context does not keep the process, and its message
// is not given to another while it may still be at work: only the ack wait
// tells that nobody is.
func TestStuckHandler(t *testing.T) {
	t.Parallel()
	w := newWorld(t, bustest.ServerOptions{})
	c := bustest.Connect(t, w.server)
	if err := c.Provision(t.Context(), bus.Streams{AckWait: 400 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	started, release := make(chan struct{}, 1), make(chan struct{})
	sub := intake(func(context.Context, *bus.Message) error {
		started <- struct{}{}
		<-release
		return nil
	})
	sub.Drain, sub.KillGrace = 50*time.Millisecond, 50*time.Millisecond
	first := start(t, c, bus.RouterOptions{}, sub)
	submit(t, c, 1)
	<-started
	if err := first.stop(); !fault.Has(err, fault.BusHandlersStuck) {
		t.Errorf("run: %v, want bus.handlers_stuck", err)
	}
	again := make(chan int, 1)
	start(t, c, bus.RouterOptions{}, intake(func(_ context.Context, m *bus.Message) error {
		again <- m.Delivered
		return nil
	}))
	if n := <-again; n != 2 {
		t.Errorf("delivery %d, want 2", n)
	}
	w.empty(t, events.StreamIntake)
	close(release)
}

// Workers that come and go all the time: every message is handled, and none
// twice, for nothing is ever torn from a handler.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, bustest.ServerOptions{})
	c := bustest.Connect(t, w.server)
	if err := c.Provision(t.Context(), bus.Streams{AckWait: 5 * time.Second}); err != nil {
		t.Fatal(err)
	}
	var seen tally
	const jobs = 300
	submit(t, c, jobs)
	for seen.distinct() < jobs {
		r := start(t, c, bus.RouterOptions{}, intake(func(_ context.Context, m *bus.Message) error {
			<-time.After(10 * time.Millisecond)
			seen.add(m.ID)
			return nil
		}))
		<-time.After(50 * time.Millisecond)
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
	if seen.total() != jobs {
		t.Errorf("%d calls for %d messages", seen.total(), jobs)
	}
	w.empty(t, events.StreamIntake)
}

func TestRoutersLeaveNoGoroutines(t *testing.T) {
	c := bustest.Conn(t)
	life := func() {
		var seen tally
		r := start(t, c, bus.RouterOptions{}, intake(func(_ context.Context, m *bus.Message) error {
			seen.add(fmt.Sprint(m.Sequence))
			return nil
		}))
		if err := c.Publish(t.Context(), bus.Out{Subject: events.SubmitSubject("default", "p"), ID: "x"}); err != nil {
			t.Fatal(err)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		_ = c.Scan(t.Context(), bus.Scan{Stream: events.StreamEvents}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		_ = c.Tail(ctx, "x", nil, cancel)
		cancel()
	}
	life()
	before := runtime.NumGoroutine()
	for range 10 {
		life()
	}
	eventually(t, "the goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}
