package breaker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
)

// use calls a dependency n times with err and returns how many came through.
func use(r *breaker.Registry, dependency string, n int, err error) (ran int) {
	for range n {
		_ = r.Do(context.Background(), dependency, func(context.Context) error { ran++; return err })
	}
	return ran
}

// TestKinds: each kind of dependency has settings of its own.
func TestKinds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := breaker.New(breaker.Options{Kinds: breaker.Kinds(), Failures: 7, Open: time.Second, Probes: 2})
		for dependency, want := range map[string]struct {
			failures, probes int
			open             time.Duration
		}{
			"clamd:local":      {3, 1, 10 * time.Second},
			"s3:backup:host":   {5, 3, 15 * time.Second},
			"http:example.org": {5, 1, time.Minute},
			"other:x":          {7, 2, time.Second},
			"s3":               {5, 3, 15 * time.Second},
		} {
			if n := use(r, dependency, 20, errDown); n != want.failures {
				t.Errorf("%s: %d calls before it opens, want %d", dependency, n, want.failures)
			}
			open := r.Room(dependency)
			if open.State != breaker.Open || open.Calls != 0 || open.Wait-want.open > 10*time.Millisecond || open.Wait < want.open {
				t.Errorf("%s: %+v, want open for %v", dependency, open, want.open)
			}
			time.Sleep(open.Wait)
			half := breaker.Room{State: breaker.HalfOpen, Probes: want.probes, Calls: want.probes}
			if diff := cmp.Diff(half, r.Room(dependency)); diff != "" {
				t.Errorf("%s: %s", dependency, diff)
			}
			use(r, dependency, want.probes, nil)
			if diff := cmp.Diff(breaker.Room{State: breaker.Closed}, r.Room(dependency)); diff != "" {
				t.Errorf("%s: %s", dependency, diff)
			}
		}
		if diff := cmp.Diff(breaker.Room{State: breaker.Closed}, r.Room("unused")); diff != "" {
			t.Error(diff)
		}
	})
}

// TestShare: an object store that fails every other time never fails five times in
// a row, and is left alone all the same. Long ago does not count, but five in a row
// do however slow they are.
func TestShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := breaker.New(breaker.Options{Kinds: breaker.Kinds()})
		calls := 0
		for r.Room("s3:a").State == breaker.Closed && calls < 100 {
			calls += use(r, "s3:a", 1, nil) + use(r, "s3:a", 1, errDown)
		}
		if calls != 20 {
			t.Errorf("it opened after %d calls, want 20", calls)
		}
		for range 100 {
			use(r, "s3:b", 1, nil)
			use(r, "s3:b", 1, errDown)
			time.Sleep(10 * time.Second)
		}
		if s := r.Room("s3:b").State; s != breaker.Closed {
			t.Errorf("12 calls in each minute: it is %s", s)
		}
		slow := 0
		for r.Room("s3:c").State == breaker.Closed && slow < 20 {
			slow += use(r, "s3:c", 1, errDown)
			time.Sleep(40 * time.Second)
		}
		if slow != 5 {
			t.Errorf("it opened after %d slow failures in a row, want 5", slow)
		}
	})
}

// TestHungProbeWithoutBound: a call without a limit is a probe for a while only,
// and is not cut off.
func TestHungProbeWithoutBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := breaker.New(breaker.Options{Timeout: -1, Probe: 3 * time.Second})
		trip(t, r)
		time.Sleep(r.RetryAfter(dep))
		hung := make(chan error, 1)
		go func() {
			hung <- r.Do(t.Context(), dep, func(ctx context.Context) error {
				time.Sleep(time.Hour)
				return ctx.Err()
			})
		}()
		time.Sleep(2 * time.Second)
		if room := r.Room(dep); room.State != breaker.HalfOpen || room.Calls != 0 || room.Wait == 0 {
			t.Errorf("%+v while it is probed", room)
		}
		time.Sleep(2 * time.Second)
		if s := wantState(t, r, breaker.Open); s.Reason != fault.BreakerTimeout {
			t.Errorf("it opened because of %s", s.Reason)
		}
		time.Sleep(r.RetryAfter(dep))
		if !call(t, r, nil) {
			t.Error("no other probe is let through")
		}
		wantState(t, r, breaker.Closed)
		if err := <-hung; err != nil {
			t.Errorf("the slow call ends with %v", err)
		}
		wantState(t, r, breaker.Closed)
	})
}

// TestChange: who observes is told why and until when, until he stops.
func TestChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := breaker.New(breaker.Options{Failures: 2, Open: 4 * time.Second})
		var first, second []breaker.Change
		stop := r.Observe(func(c breaker.Change) { first = append(first, c) })
		defer r.Observe(func(c breaker.Change) { second = append(second, c) })()
		opened := time.Now()
		use(r, dep, 1, errDown)
		use(r, dep, 1, errors.New("says nothing"))
		want := []breaker.Change{{
			Dependency: dep, From: breaker.Closed, To: breaker.Open, Time: opened,
			Until: opened.Add(4*time.Second + time.Millisecond), Failures: 2, Reason: fault.StageUnclassified,
		}}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Error(diff)
		}
		if s := wantState(t, r, breaker.Open); s.Reason != fault.StageUnclassified || !s.Until.Equal(want[0].Until) {
			t.Errorf("status %+v", s)
		}
		stop()
		stop()
		time.Sleep(r.RetryAfter(dep))
		use(r, dep, 1, nil)
		if len(first) != 1 || len(second) != 3 {
			t.Fatalf("told %d and %d changes, want 1 and 3", len(first), len(second))
		}
		if half := second[1]; half.To != breaker.HalfOpen || !half.Until.IsZero() {
			t.Errorf("told %+v", half)
		}
	})
}
