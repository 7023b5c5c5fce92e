package bus_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
)

// Messages that differ in a few characters are different messages: nothing here
// compares contents, let alone short checksums of them.
func TestSimilarMessagesAreNotDuplicates(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	const n = 5000
	outs := make([]bus.Out, n)
	for i := range outs {
		outs[i] = bus.Out{
			Subject: events.SubmitSubject("default", "p"), ID: fmt.Sprintf("job-%06d", i),
			Data: fmt.Appendf(nil, `{"job":"job-%06d","file":"invoice-%06d.pdf"}`, i, 7*i%1000),
		}
	}
	if err := c.Publish(t.Context(), outs...); err != nil {
		t.Fatal(err)
	}
	var seen tally
	start(t, c, bus.RouterOptions{}, intake(func(_ context.Context, m *bus.Message) error {
		seen.add(string(m.Data))
		return nil
	}))
	w.empty(t, events.StreamIntake)
	if seen.distinct() != n || seen.total() != n {
		t.Errorf("%d calls for %d of %d messages", seen.total(), seen.distinct(), n)
	}
}

// Messages that rest for an hour do not stop those behind them.
func TestRestingMessagesDoNotBlock(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	var rested, handled atomic.Int32
	sub := intake(func(_ context.Context, m *bus.Message) error {
		if m.ID == "last" {
			handled.Add(1)
			return nil
		}
		rested.Add(1)
		return bus.RetryIn(time.Hour, errTest)
	})
	sub.MaxInFlight = 2
	start(t, c, bus.RouterOptions{}, sub)
	submit(t, c, 100)
	eventually(t, "all rest", func() bool { return rested.Load() == 100 })
	if err := c.Publish(t.Context(), bus.Out{
		Subject: events.SubmitSubject("default", "p"), ID: "last",
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the one behind them is handled", func() bool { return handled.Load() == 1 })
}

// A message that always fails comes again ever more rarely, instead of keeping
// the broker busy with nothing else.
func TestFailingMessageDoesNotSpin(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	var calls atomic.Int32
	start(t, c, bus.RouterOptions{}, intake(func(context.Context, *bus.Message) error {
		calls.Add(1)
		return errTest
	}))
	submit(t, c, 1)
	eventually(t, "it comes again", func() bool { return calls.Load() >= 3 })
	<-time.After(500 * time.Millisecond)
	// Pauses of at least 50, 100, 200, 400 ms: whatever the machine does, no
	// more than a handful fit.
	if n := calls.Load(); n > 8 {
		t.Errorf("delivered %d times", n)
	}
}

// The keeper stays alone in the intake and is nobody's work.
func TestIntakeKeeper(t *testing.T) {
	t.Parallel()
	w, c := provisioned(t, bustest.ServerOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for range 2 { // as by two processes
		go func() { ended <- c.KeepIntake(ctx) }()
	}
	var seen tally
	start(t, c, bus.RouterOptions{}, intake(func(_ context.Context, m *bus.Message) error {
		seen.add(m.Subject)
		return nil
	}))
	first := uint64(0)
	eventually(t, "the keeper moves", func() bool {
		m, err := c.Last(t.Context(), events.StreamIntake, events.IntakeKeeper)
		if err == nil && first == 0 {
			first = m.Sequence
		}
		return err == nil && m.Sequence > first+1
	})
	submit(t, c, 10)
	cancel()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	eventually(t, "only keepers are left", func() bool {
		s, err := w.js.Stream(t.Context(), events.StreamIntake)
		return err == nil && s.CachedInfo().State.Msgs <= 2 && s.CachedInfo().State.Msgs > 0
	})
	if seen.distinct() != 1 || seen.total() != 10 {
		t.Errorf("handled: %v", seen.seen)
	}
}
