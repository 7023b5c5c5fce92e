package stagehost

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

const need = "tcp:there"

// needing is a stage whose every task needs something.
type needing struct {
	fake
	needs []string
}

func (n *needing) Spec() stage.Spec {
	s := n.fake.Spec()
	s.Needs = n.needs
	return s
}

// gateWorld is the gate of a stage that needs one thing, without a broker.
type gateWorld struct {
	*gate
	t        *testing.T
	breakers *breaker.Registry
	host     *Host
}

func newGateWorld(t *testing.T, o breaker.Options) *gateWorld {
	t.Helper()
	b := breaker.New(o)
	h := &Host{Config: Config{Breakers: b, Worker: "me"}, hints: &hints{until: map[string]map[string]time.Time{}}}
	g := newGate([]stage.Stage{&needing{needs: []string{need}}}, b, h.hints)
	h.gates = map[string]*gate{"fake": g}
	t.Cleanup(b.Observe(func(c breaker.Change) { g.changed(c.Dependency) }))
	return &gateWorld{t: t, gate: g, breakers: b, host: h}
}

// fail opens the circuit.
func (w *gateWorld) fail() {
	w.t.Helper()
	for w.breakers.Room(need).State != breaker.Open {
		_ = w.breakers.Do(w.t.Context(), need, func(context.Context) error {
			return fault.New(fault.FetchUnreachable, "", nil)
		})
	}
}

func (w *gateWorld) succeed() {
	w.t.Helper()
	if err := w.breakers.Do(w.t.Context(), need, func(context.Context) error { return nil }); err != nil {
		w.t.Fatal(err)
	}
}

// want asks for free tasks and wants n of them after some time.
func (w *gateWorld) want(free, n int, after time.Duration) {
	w.t.Helper()
	began := time.Now()
	got := w.admit(w.t.Context(), free)
	if late := time.Since(began) - after; got != n || late < 0 || late > 10*time.Millisecond {
		w.t.Errorf("%d of %d let in after %v, want %d after %v", got, free, time.Since(began), n, after)
	}
}

func TestGateIsOnlyForNeeds(t *testing.T) {
	t.Parallel()
	b, h := breaker.New(breaker.Options{}), &hints{}
	if newGate([]stage.Stage{&fake{}}, b, h) != nil || newGate([]stage.Stage{&needing{needs: []string{need}}}, nil, h) != nil {
		t.Error("there is a gate where nothing is needed, or nothing known")
	}
	g := newGate([]stage.Stage{&needing{needs: []string{"a", "b"}}, &needing{needs: []string{"b", "c"}}}, b, h)
	if g == nil || len(g.needs) != 3 {
		t.Errorf("the gate is %+v", g)
	}
}

// TestGateFollowsTheCircuit: closed lets all in, open none, half open as many as
// there are probes.
func TestGateFollowsTheCircuit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGateWorld(t, breaker.Options{Open: 10 * time.Second, Probes: 2})
		w.want(8, 8, 0)
		old := w.enter()
		w.fail()
		w.want(8, 2, 10*time.Second) // however many still run from before
		old()
		first, second := w.enter(), w.enter()
		time.AfterFunc(500*time.Millisecond, first)
		w.want(8, 1, 500*time.Millisecond) // as soon as one has ended
		w.want(8, 1, askLives)             // the one that was asked for does not come
		second()
		w.succeed()
		time.AfterFunc(300*time.Millisecond, w.succeed)
		w.want(8, 1, 0) // one more probe
		w.want(8, 8, 300*time.Millisecond)
	})
}

// TestGateLeavesProbesOfOthers: what another stage probes needs no second probe.
func TestGateLeavesProbesOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGateWorld(t, breaker.Options{Open: time.Second})
		w.fail()
		time.Sleep(2 * time.Second)
		go func() {
			_ = w.breakers.Do(t.Context(), need, func(context.Context) error {
				time.Sleep(700 * time.Millisecond)
				return nil
			})
		}()
		synctest.Wait()
		w.want(8, 8, 700*time.Millisecond)
	})
}

func TestGateEndsWithTheStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGateWorld(t, breaker.Options{Open: time.Hour})
		w.fail()
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if n := w.admit(ctx, 8); n != 0 {
			t.Errorf("%d let in", n)
		}
	})
}

// TestHintsAreNoOrders: while another worker has the circuit open, tasks are let in
// one at a time, and what that worker says last counts.
func TestHintsAreNoOrders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGateWorld(t, breaker.Options{})
		said := time.Now().Add(-time.Hour) // by a clock that is wrong
		word := events.Breaker{
			Worker: "other", Dependency: need, State: events.BreakerOpen, Time: said, Until: said.Add(5 * time.Second),
		}
		w.hear(word, true)
		w.want(8, 1, 0)
		leave := w.enter()
		time.AfterFunc(time.Second, leave)
		w.want(8, 1, time.Second)
		leave = w.enter()
		w.want(8, 8, 4*time.Second) // the word is old
		leave()

		w.hear(word, true)
		w.want(8, 1, 0)
		time.AfterFunc(200*time.Millisecond, func() {
			back := word
			back.State, back.Until = events.BreakerClosed, time.Time{}
			w.hear(back, true)
		})
		w.want(8, 8, 200*time.Millisecond)
		mine := word
		mine.Worker = "me"
		w.hear(mine, true)
		w.hear(word, false) // was said an hour ago
		w.want(8, 8, 0)
	})
}

// hear has the host hear a word as the bus brings it.
func (w *gateWorld) hear(b events.Breaker, live bool) {
	w.t.Helper()
	w.host.hear(&bus.Entry{Key: "k", Value: mustJSON(w.t, b)}, live)
}

// TestWordNamesTheStages: those that have called, and those that would; not what else
// calls in this process.
func TestWordNamesTheStages(t *testing.T) {
	t.Parallel()
	w := newGateWorld(t, breaker.Options{})
	w.host.byName = map[string][]stage.Stage{"fake": nil, "other": {&fake{}}, "third": {&fake{}}}
	status := breaker.Status{Dependency: need, State: breaker.Open, Callers: []string{"notifier", "third"}}
	if diff := cmp.Diff([]string{"fake", "third"}, w.host.word(status).Stages); diff != "" {
		t.Error(diff)
	}
	status.Dependency = "tcp:elsewhere"
	if diff := cmp.Diff([]string{"third"}, w.host.word(status).Stages); diff != "" {
		t.Error(diff)
	}
}
