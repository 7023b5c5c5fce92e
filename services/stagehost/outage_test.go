package stagehost

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/bus"
)

// TestTenWorkersAndAnOutage: a dependency that all tasks need goes away for two
// seconds. Ten workers leave it alone but for single probes, leave the tasks with
// the broker, and burn no attempt; when it is back everything gets done.
func TestTenWorkersAndAnOutage(t *testing.T) {
	t.Parallel()
	const open = 600 * time.Millisecond
	f := newFleet(t, 10, breaker.Options{Failures: 3, Open: open, Timeout: 2 * time.Second})
	f.give(20)
	f.done()
	f.there.leave()
	before := f.count()
	away := time.Now()
	f.give(80)
	<-time.After(2 * time.Second)
	during := f.count()
	lasted := time.Since(away)
	f.there.come(t)
	back := time.Now()
	jobs := f.done()
	after := f.count()
	t.Logf("away for %v: %d tasks came to 10 workers, %d calls; back: done within %v, %d tasks, %d calls",
		lasted, during.entered-before.entered, during.calls-before.calls,
		time.Since(back), after.entered-during.entered, after.calls-during.calls)

	attempts := 0
	for _, j := range jobs {
		st := j.Steps["call"]
		attempts += st.Attempt
		if st.Spent != 0 {
			t.Errorf("job %s burned %d attempts: %+v", j.Key, st.Spent, st)
		}
	}
	if attempts != after.entered {
		t.Errorf("%d attempts, but %d tasks came", attempts, after.entered)
	}
	// A worker finds out with what it has in hand, and then with one probe for
	// each time that its circuit was open.
	periods := int(lasted/open) + 1
	if most := 10 * (4 + periods); during.calls-before.calls > most {
		t.Errorf("%d calls of a dependency that is away, want at most %d", during.calls-before.calls, most)
	}
	if n := after.probes; n != 1 {
		t.Errorf("%d probes of one worker at once, want 1", n)
	}
	f.wantShared()
}

// TestHungDependency: a dependency that takes calls and never answers is probed
// again and again all the same.
func TestHungDependency(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, breaker.Options{Failures: 2, Open: 200 * time.Millisecond, Timeout: 200 * time.Millisecond})
	f.there.mute.Store(true)
	f.give(6)
	for deadline := time.Now().Add(30 * time.Second); f.count().hung < 2*(2+3); {
		if time.Now().After(deadline) {
			t.Fatalf("it was tried %d times only", f.count().hung)
		}
		<-time.After(10 * time.Millisecond)
	}
	f.there.mute.Store(false)
	for _, j := range f.done() {
		if st := j.Steps["call"]; st.Spent != 0 {
			t.Errorf("job %s burned %d attempts", j.Key, st.Spent)
		}
	}
	if n := f.count().probes; n != 1 {
		t.Errorf("%d probes of one worker at once, want 1", n)
	}
}

type counts struct{ entered, calls, probes, hung int }

// count adds up what was seen of the workers; probes is the most of any.
func (f *fleet) count() (c counts) {
	for _, w := range f.workers {
		c.entered += int(w.entered.Load())
		c.calls += int(w.calls.Load())
		c.hung += int(w.hung.Load())
		c.probes = max(c.probes, int(w.probes.Load()))
	}
	return c
}

// wantShared wants the workers to say of their trouble, and one at least that it is
// over. Others may still have to find out: there is no work left.
func (f *fleet) wantShared() {
	f.t.Helper()
	kv, err := f.conn.KV(f.t.Context(), events.BucketBreakers)
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), 30*time.Second)
	defer cancel()
	enough := errors.New("the trouble is over")
	words, live := map[string]events.Breaker{}, false
	err = kv.Watch(ctx, ">", func(e *bus.Entry) error {
		if live = live || e == nil; e != nil {
			var b events.Breaker
			if err := json.Unmarshal(e.Value, &b); err != nil {
				return err
			}
			if b.Dependency != need || b.Reason != "fetch.unreachable" || !slices.Equal(b.Stages, []string{"fake"}) || e.Key != events.BreakerKey(b.Worker, b.Dependency) {
				f.t.Errorf("%s: %+v", e.Key, b)
			}
			words[b.Worker] = b
		}
		well := 0
		for _, b := range words {
			switch b.State {
			case events.BreakerOpen:
				return nil
			case events.BreakerClosed:
				well++
			}
		}
		if live && well > 0 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		f.t.Errorf("the workers say %+v", words)
	}
}
