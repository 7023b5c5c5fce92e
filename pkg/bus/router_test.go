package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

var errTest = errors.New("no")

// tally counts how often each message was handled.
type tally struct {
	mu   sync.Mutex
	seen map[string]int
}

func (c *tally) add(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	c.seen[id]++
	return c.seen[id]
}

func (c *tally) distinct() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

func (c *tally) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, k := range c.seen {
		n += k
	}
	return n
}

func TestHandledMessagesAreGone(t *testing.T) {
	t.Parallel()
	for _, slots := range []int{1, 3, 64} {
		t.Run(fmt.Sprintf("%d slots", slots), func(t *testing.T) {
			t.Parallel()
			w, c := provisioned(t, bustest.ServerOptions{})
			var seen tally
			var now, most atomic.Int32
			sub := intake(func(_ context.Context, m *bus.Message) error {
				n := now.Add(1)
				defer now.Add(-1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				if m.Delivered != 1 || m.Stream != events.StreamIntake || m.Sequence == 0 || m.Time.IsZero() {
					t.Errorf("message: %+v", m)
				}
				seen.add(m.ID)
				return nil
			})
			sub.MaxInFlight = slots
			start(t, c, bus.RouterOptions{}, sub)
			submit(t, c, 1000)
			eventually(t, "all are handled", func() bool { return seen.distinct() == 1000 })
			w.empty(t, events.StreamIntake)
			if n := seen.total(); n != 1000 {
				t.Errorf("%d calls for 1000 messages", n)
			}
			if int(most.Load()) > slots {
				t.Errorf("%d at once with %d slots", most.Load(), slots)
			}
		})
	}
}

// Fewer messages than were asked for are delivered at once, and a slot that
// becomes free while others stay busy is used again.
func TestSlotsAreUsedAsTheyBecomeFree(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	release := make(chan struct{})
	var busy, quick atomic.Int32
	sub := intake(func(ctx context.Context, m *bus.Message) error {
		if string(m.Data) < "3" { // "0", "1", "10", …, "2", "20", …
			busy.Add(1)
			<-release
			return nil
		}
		quick.Add(1)
		return nil
	})
	sub.MaxInFlight = 4
	start(t, c, bus.RouterOptions{}, sub)
	submit(t, c, 3) // three of the four slots, for long
	eventually(t, "three are busy", func() bool { return busy.Load() == 3 })
	for i := range 50 { // one after the other through the last slot
		if err := c.Publish(t.Context(), bus.Out{
			Subject: events.SubmitSubject("default", "p"), ID: fmt.Sprintf("q-%d", i), Data: []byte("9"),
		}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the last slot works", func() bool { return int(quick.Load()) == i+1 })
	}
	close(release)
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		first error
		calls int32
	}{
		"nil":                {nil, 1},
		"error":              {errTest, 2},
		"retry in":           {bus.RetryIn(50*time.Millisecond, errTest), 2},
		"wrapped retry":      {fmt.Errorf("stage: %w", bus.RetryIn(0, nil)), 2},
		"hand over":          {bus.HandOver(nil), 2},
		"abandon":            {bus.Abandon(errTest), 2}, // comes again after the ack wait
		"reject":             {bus.Reject(fault.JobUnknownOutcome, errTest), 1},
		"rejected for cause": {fmt.Errorf("x: %w", bus.Reject(fault.JobUnknownOutcome, nil)), 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, bustest.ServerOptions{})
			c := bustest.Connect(t, w.server)
			if err := c.Provision(t.Context(), bus.Streams{AckWait: 300 * time.Millisecond}); err != nil {
				t.Fatal(err)
			}
			var calls atomic.Int32
			start(t, c, bus.RouterOptions{}, intake(func(_ context.Context, m *bus.Message) error {
				n := calls.Add(1)
				if int(n) != m.Delivered {
					t.Errorf("call %d is told it is delivery %d", n, m.Delivered)
				}
				if n == 1 {
					return tc.first
				}
				return nil
			}))
			submit(t, c, 1)
			w.empty(t, events.StreamIntake)
			if n := calls.Load(); n != tc.calls {
				t.Errorf("%d calls, want %d", n, tc.calls)
			}
		})
	}
}

func TestRejectedMessageIsADeadLetter(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	sub := intake(func(context.Context, *bus.Message) error {
		return bus.Reject(fault.JobUnknownOutcome, errors.New("two\nlines"))
	})
	sub.DeadTenant = func(subject string) string {
		tokens, _ := events.Tokens(subject, "submit", 2)
		return tokens[0]
	}
	start(t, c, bus.RouterOptions{}, sub)
	advisory := make(chan *nats.Msg, 1)
	if _, err := w.nc.ChanSubscribe("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>", advisory); err != nil {
		t.Fatal(err)
	}
	if err := w.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(t.Context(), bus.Out{
		Subject: events.SubmitSubject("acme", "p"), ID: "id-1", Data: []byte("body"),
		Header: map[string]string{"ce-type": "x"},
	}); err != nil {
		t.Fatal(err)
	}
	w.empty(t, events.StreamIntake)
	got := letters(t, c)
	if len(got) != 1 {
		t.Fatalf("%d dead letters, want 1", len(got))
	}
	info := fault.JobUnknownOutcome.Info()
	want := events.DeadLetter{
		Consumer: events.ConsumerIntake, Stream: events.StreamIntake, Sequence: 1,
		Subject: events.SubmitSubject("acme", "p"), Code: string(info.Code), Reason: "two lines",
		Hint: info.Hint, Data: []byte("body"), Size: 4, Time: got[0].Time,
		Headers: map[string][]string{"ce-type": {"x"}, jetstream.MsgIDHeader: {"id-1"}},
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("dead letter (-want +got):\n%s", diff)
	}
	subject := events.DeadSubject(events.ConsumerIntake, "acme")
	if _, err := c.Last(t.Context(), events.StreamDead, subject); err != nil {
		t.Errorf("it is not under %s: %v", subject, err)
	}
	<-advisory
}

func TestMaxDeliveries(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	var calls atomic.Int32
	sub := intake(func(context.Context, *bus.Message) error { calls.Add(1); panic("ouch") })
	sub.MaxDeliveries = 3
	start(t, c, bus.RouterOptions{}, sub)
	submit(t, c, 1)
	w.empty(t, events.StreamIntake)
	got := letters(t, c)
	if calls.Load() != 3 || len(got) != 1 || got[0].Code != string(fault.BusHandlerGaveUp) ||
		got[0].Reason != "panic: ouch" {
		t.Errorf("%d calls, letters %+v", calls.Load(), got)
	}
}

// While the letter cannot be stored the message is not given up.
func TestDeadLetterIsNotLost(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	if err := w.js.DeleteStream(t.Context(), events.StreamDead); err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int32
	start(t, c, bus.RouterOptions{}, intake(func(context.Context, *bus.Message) error {
		calls.Add(1)
		return bus.Reject(fault.SubmitInvalid, errTest)
	}))
	submit(t, c, 1)
	eventually(t, "it was tried", func() bool { return calls.Load() > 0 })
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	w.empty(t, events.StreamIntake)
	if got := letters(t, c); len(got) != 1 {
		t.Errorf("%d dead letters, want 1", len(got))
	}
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	var open atomic.Bool
	var calls, asked atomic.Int32
	sub := intake(func(context.Context, *bus.Message) error { calls.Add(1); return nil })
	sub.Admit = func(_ context.Context, free int) int {
		if free < 1 || free > sub.MaxInFlight {
			t.Errorf("asked to admit %d of %d", free, sub.MaxInFlight)
		}
		asked.Add(1)
		if open.Load() {
			return 1000
		}
		return 0
	}
	start(t, c, bus.RouterOptions{}, sub)
	submit(t, c, 20)
	eventually(t, "the door was tried", func() bool { return asked.Load() > 3 })
	if n := calls.Load(); n != 0 {
		t.Errorf("%d messages came through a closed door", n)
	}
	open.Store(true)
	eventually(t, "all are handled", func() bool { return calls.Load() == 20 })
}

// A door that stays shut does not keep the router from stopping.
func TestAdmitEndsWithTheRouter(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	asked := make(chan struct{}, 1)
	sub := intake(func(context.Context, *bus.Message) error { return nil })
	sub.Admit = func(ctx context.Context, _ int) int {
		asked <- struct{}{}
		<-ctx.Done()
		return 0
	}
	r := start(t, c, bus.RouterOptions{}, sub)
	<-asked
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

// Watermill's own trouble makers around every handler: each message ends once.
func TestChaos(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	var seen tally
	start(t, c, bus.RouterOptions{Middleware: []bus.Middleware{
		bustest.RandomFail(0.1), bustest.RandomPanic(0.1), bustest.FailAfter(0.1),
	}}, intake(func(_ context.Context, m *bus.Message) error {
		seen.add(m.ID)
		return nil
	}))
	submit(t, c, 200)
	w.empty(t, events.StreamIntake)
	if seen.distinct() != 200 {
		t.Errorf("%d of 200 messages were handled", seen.distinct())
	}
	if got := letters(t, c); len(got) != 0 {
		t.Errorf("%d dead letters", len(got))
	}
}

func TestDuplicatorRunsHandlersTwice(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	var seen tally
	sub := intake(func(_ context.Context, m *bus.Message) error { seen.add(m.ID); return nil })
	sub.Middleware = []bus.Middleware{bustest.Duplicator()}
	start(t, c, bus.RouterOptions{}, sub)
	submit(t, c, 50)
	w.empty(t, events.StreamIntake)
	if seen.distinct() != 50 || seen.total() != 100 {
		t.Errorf("%d calls for %d messages, want 100 for 50", seen.total(), seen.distinct())
	}
}

func TestRouterRefusals(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	nop := func(context.Context, *bus.Message) error { return nil }
	r, err := bus.NewRouter(c, bus.RouterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]bus.Subscription{
		"no handler": {Stream: "S", Durable: "d"},
		"no stream":  {Durable: "d", Handle: nop},
		"no durable": {Stream: "S", Handle: nop},
	} {
		if err := r.Add(s); !fault.Has(err, fault.BusBadSubscription) {
			t.Errorf("%s: %v, want bus.bad_subscription", name, err)
		}
	}
	if err := r.Add(intake(nop)); err != nil {
		t.Fatal(err)
	}
	if err := r.Add(intake(nop)); !fault.Has(err, fault.BusBadSubscription) {
		t.Errorf("the same name twice: %v, want bus.bad_subscription", err)
	}
	unknown := intake(nop)
	unknown.Name, unknown.Durable = "x", "nobody"
	if err := r.Add(unknown); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context()); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("a consumer that does not exist: %v, want bus.not_found", err)
	}
	if err := r.Run(t.Context()); !fault.Has(err, fault.BusBadSubscription) {
		t.Errorf("run again: %v, want bus.bad_subscription", err)
	}
	if _, err := bus.NewRouter(nil, bus.RouterOptions{}); !fault.Has(err, fault.BusBadSubscription) {
		t.Errorf("no connection: %v, want bus.bad_subscription", err)
	}
	if _, err := bus.NewSubscriber(c, bus.SubscriberOptions{}); !fault.Has(err, fault.BusBadSubscription) {
		t.Errorf("a subscriber without Locate: %v, want bus.bad_subscription", err)
	}
}

func TestRouterWithoutSubscriptions(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	r, err := bus.NewRouter(c, bus.RouterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(context.Background()) }()
	<-r.Running()
	for range 2 {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
}
