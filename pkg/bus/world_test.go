package bus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
)

// world is a broker and a JetStream client of its own, to do and see things
// that package bus does not offer.
type world struct {
	server *server.Server
	nc     *nats.Conn
	js     jetstream.JetStream
}

func newWorld(t testing.TB, o bustest.ServerOptions) world {
	t.Helper()
	return worldOf(t, bustest.Server(t, o))
}

func worldOf(t testing.TB, s *server.Server) world {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return world{s, nc, js}
}

// provisioned is a world with all streams, and a connection to it.
func provisioned(t testing.TB, o bustest.ServerOptions) (world, *bus.Conn) {
	t.Helper()
	w := newWorld(t, o)
	c := bustest.Connect(t, w.server)
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	return w, c
}

// running is a router that runs until stop is called or the test ends.
type running struct {
	cancel context.CancelFunc
	ended  chan error
}

// start runs subscriptions on a router of their own.
func start(t testing.TB, c *bus.Conn, o bus.RouterOptions, subs ...bus.Subscription) *running {
	t.Helper()
	r, err := bus.NewRouter(c, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range subs {
		if err := r.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	out := &running{cancel: cancel, ended: make(chan error, 1)}
	go func() { out.ended <- r.Run(ctx) }()
	select {
	case <-r.Running():
	case err := <-out.ended:
		cancel()
		t.Fatalf("run router: %v", err)
	}
	t.Cleanup(func() { _ = out.stop() })
	return out
}

// stop stops the router and returns what Run returned, the first time.
func (r *running) stop() error {
	r.cancel()
	err, ok := <-r.ended
	if ok {
		close(r.ended)
	}
	return err
}

// eventually waits until cond is true.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	limit := time.Now().Add(20 * time.Second)
	for !cond() {
		if time.Now().After(limit) {
			t.Fatalf("not within 20 s: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// submit stores n messages that a test works on, under the ids s-0, s-1, …
func submit(t testing.TB, c *bus.Conn, n int) {
	t.Helper()
	outs := make([]bus.Out, n)
	for i := range outs {
		outs[i] = bus.Out{
			Subject: events.SubmitSubject("default", "p"), ID: fmt.Sprintf("s-%d", i),
			Data: fmt.Appendf(nil, "%d", i),
		}
	}
	if err := c.Publish(t.Context(), outs...); err != nil {
		t.Fatal(err)
	}
}

// intake is a subscription to what submit stores.
func intake(h bus.Handler) bus.Subscription {
	return bus.Subscription{
		Stream: events.StreamIntake, Durable: events.ConsumerIntake, MaxInFlight: 8,
		Drain: 5 * time.Second, KillGrace: time.Second, Handle: h,
	}
}

// letters returns all dead letters.
func letters(t testing.TB, c *bus.Conn) []events.DeadLetter {
	t.Helper()
	var out []events.DeadLetter
	err := c.Scan(t.Context(), bus.Scan{Stream: events.StreamDead}, func(m *bus.Message) error {
		var l events.DeadLetter
		if err := json.Unmarshal(m.Data, &l); err != nil {
			return err
		}
		out = append(out, l)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// empty waits until nothing of a work queue is left.
func (w world) empty(t testing.TB, stream string) {
	t.Helper()
	eventually(t, stream+" is empty", func() bool {
		s, err := w.js.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().State.Msgs == 0
	})
}
