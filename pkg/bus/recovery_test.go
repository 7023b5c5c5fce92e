package bus_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/deploy/freeport"
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

// One more message is published and handled.
func oneMore(t *testing.T, c *bus.Conn, seen *tally, id string) {
	t.Helper()
	eventually(t, "it can be published", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return c.Publish(ctx, bus.Out{Subject: events.SubmitSubject("default", "p"), ID: id}) == nil
	})
	eventually(t, id+" is handled", func() bool {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		return seen.seen[id] > 0
	})
}

func TestConsumerIsMadeAgain(t *testing.T) {
	t.Parallel()
	for _, slots := range []int{1, 8} {
		w, c := provisioned(t, bustest.ServerOptions{})
		var seen tally
		sub := intake(func(_ context.Context, m *bus.Message) error { seen.add(m.ID); return nil })
		sub.MaxInFlight = slots
		start(t, c, bus.RouterOptions{}, sub)
		oneMore(t, c, &seen, "before")
		for i := range 3 {
			if err := w.js.DeleteConsumer(t.Context(), events.StreamIntake, events.ConsumerIntake); err != nil {
				t.Fatal(err)
			}
			oneMore(t, c, &seen, fmt.Sprintf("consumer-%d", i))
		}
		if err := w.js.DeleteStream(t.Context(), events.StreamIntake); err != nil {
			t.Fatal(err)
		}
		oneMore(t, c, &seen, "stream")
	}
}

// A router whose connection did not provision cannot make the consumer again,
// but goes on when somebody else has.
func TestConsumerIsMadeAgainByOthers(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	var seen tally
	start(t, bustest.Connect(t, w.server), bus.RouterOptions{},
		intake(func(_ context.Context, m *bus.Message) error { seen.add(m.ID); return nil }))
	oneMore(t, c, &seen, "before")
	if err := w.js.DeleteStream(t.Context(), events.StreamIntake); err != nil {
		t.Fatal(err)
	}
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	oneMore(t, c, &seen, "after")
}

// freePort returns a port that nobody takes while its server is down.
func freePort(t *testing.T) int {
	t.Helper()
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// restarts is a broker that can be stopped and started on the same files.
type restarts struct {
	t   *testing.T
	opt bustest.ServerOptions
	s   *server.Server
}

func newRestarts(t *testing.T) *restarts {
	r := &restarts{t: t, opt: bustest.ServerOptions{Listen: true, Port: freePort(t), StoreDir: t.TempDir()}}
	r.up()
	return r
}

func (r *restarts) up()   { r.s = bustest.Server(r.t, r.opt) }
func (r *restarts) down() { bustest.Shutdown(r.s) }

func (r *restarts) connect() *bus.Conn {
	return bustest.ConnectWith(r.t, bus.Options{
		URL: fmt.Sprintf("nats://127.0.0.1:%d", r.opt.Port), Log: bustest.Log(r.t),
	})
}

func TestRouterSurvivesARestartOfTheBroker(t *testing.T) {
	t.Parallel()
	r := newRestarts(t)
	c := r.connect()
	if err := c.Provision(t.Context(), bus.Streams{AckWait: time.Second}); err != nil {
		t.Fatal(err)
	}
	var seen tally
	start(t, c, bus.RouterOptions{}, intake(func(_ context.Context, m *bus.Message) error {
		<-time.After(time.Millisecond)
		seen.add(m.ID)
		return nil
	}))
	for round := range 3 {
		outs := make([]bus.Out, 300)
		for i := range outs {
			outs[i] = bus.Out{Subject: events.SubmitSubject("default", "p"), ID: fmt.Sprintf("%d-%d", round, i)}
		}
		if err := c.Publish(t.Context(), outs...); err != nil {
			t.Fatal(err)
		}
		eventually(t, "some are handled", func() bool { return seen.distinct() > round*300+20 })
		r.down()
		r.up()
		eventually(t, "all are handled", func() bool { return seen.distinct() == (round+1)*300 })
	}
	worldOf(t, r.s).empty(t, events.StreamIntake)
}

// Without contact for longer than the ack wait another worker has the message:
// the handler is told, and what it says then does not count.
func TestLostLease(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true})
	p := bustest.NewProxy(t, s)
	direct := bustest.ConnectWith(t, bus.Options{URL: "nats://" + s.Addr().String(), Log: bustest.Log(t)})
	if err := direct.Provision(t.Context(), bus.Streams{AckWait: 500 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	c := bustest.ConnectWith(t, bus.Options{URL: p.URL(), Log: bustest.Log(t)})
	started, cause := make(chan struct{}, 5), make(chan error, 5)
	first := start(t, c, bus.RouterOptions{}, intake(func(ctx context.Context, _ *bus.Message) error {
		started <- struct{}{}
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	}))
	submit(t, direct, 1)
	<-started
	p.Cut()
	if err := <-cause; !fault.Has(err, fault.BusUnreachable) {
		t.Errorf("cause: %v, want bus.unreachable", err)
	}
	var calls atomic.Int32
	release := make(chan struct{})
	start(t, direct, bus.RouterOptions{}, intake(func(context.Context, *bus.Message) error {
		calls.Add(1)
		<-release
		return nil
	}))
	eventually(t, "another has it", func() bool { return calls.Load() == 1 })
	p.Mend()
	eventually(t, "the first is back", c.Connected)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	close(release)
	worldOf(t, s).empty(t, events.StreamIntake)
	if n := calls.Load(); n != 1 {
		t.Errorf("the other was given the message %d times: a refusal came too late", n)
	}
}

// A line on which nothing comes back is lost as well, though it looks open.
func TestLostLeaseOnAMutedLine(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true})
	p := bustest.NewProxy(t, s)
	c := bustest.ConnectWith(t, bus.Options{URL: p.URL(), Log: bustest.Log(t)})
	if err := c.Provision(t.Context(), bus.Streams{AckWait: 300 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	started, cause := make(chan struct{}, 1), make(chan error, 1)
	first := start(t, c, bus.RouterOptions{}, intake(func(ctx context.Context, _ *bus.Message) error {
		started <- struct{}{}
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	}))
	submit(t, c, 1)
	<-started
	p.Mute()
	if err := <-cause; !fault.Has(err, fault.BusUnreachable) {
		t.Errorf("cause: %v, want bus.unreachable", err)
	}
	p.Mend()
	first.cancel()
}
