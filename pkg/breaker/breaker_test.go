package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const dep = "http:example.org"

var errDown = fault.New(fault.FetchUnreachable, "", nil)

// call makes a call that returns err and reports whether it was let through.
func call(t *testing.T, r *breaker.Registry, err error) bool {
	t.Helper()
	ran := false
	got := r.Do(t.Context(), dep, func(context.Context) error { ran = true; return err })
	if ran && (!errors.Is(got, err) || err != nil && fault.DependencyOf(got) != dep) {
		t.Fatalf("Do = %v, want what fn returned: %v", got, err)
	}
	if !ran && !fault.Has(got, fault.BreakerOpen) {
		t.Fatalf("Do = %v without a call", got)
	}
	return ran
}

func wantState(t *testing.T, r *breaker.Registry, want breaker.State) breaker.Status {
	t.Helper()
	all := r.Statuses()
	if len(all) != 1 || all[0].Dependency != dep || all[0].State != want {
		t.Fatalf("statuses are %+v, want %s to be %s", all, dep, want)
	}
	return all[0]
}

// trip makes calls fail until the circuit opens.
func trip(t *testing.T, r *breaker.Registry) {
	t.Helper()
	for range 5 {
		if !call(t, r, errDown) {
			t.Fatal("a call was refused too early")
		}
	}
	wantState(t, r, breaker.Open)
}

func TestOpensAndCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []string
		r := breaker.New(breaker.Options{OnChange: func(c breaker.Change) {
			told = append(told, fmt.Sprintf("%s %s>%s %d", c.Dependency, c.From, c.To, c.Failures))
		}})
		if call(t, r, errDown); r.RetryAfter(dep) != 0 || r.RetryAfter("other") != 0 {
			t.Error("a closed circuit makes callers wait")
		}
		call(t, r, nil) // forgives
		trip(t, r)

		time.Sleep(5 * time.Second)
		err := r.Do(t.Context(), dep, func(context.Context) error { panic("called") })
		f := new(fault.Error)
		if !errors.As(err, &f) || f.Code != fault.BreakerOpen || f.Class() != fault.DependencyDown || f.Dependency != dep {
			t.Fatalf("Do = %v, want breaker.open", err)
		}
		if left := f.RetryAfter - 10*time.Second; left < 0 || left > 10*time.Millisecond {
			t.Errorf("RetryAfter is %v, want what is left of 15s", f.RetryAfter)
		}
		if r.RetryAfter(dep) != f.RetryAfter || wantState(t, r, breaker.Open).RetryAfter != f.RetryAfter {
			t.Error("the registry says something else than the fault")
		}

		time.Sleep(f.RetryAfter)
		if r.RetryAfter(dep) != 0 {
			t.Error("a probe would be refused")
		}
		if !call(t, r, errDown) || call(t, r, nil) {
			t.Error("after one failed probe calls are let through")
		}
		time.Sleep(r.RetryAfter(dep))
		for range 3 {
			if !call(t, r, nil) {
				t.Error("the probe, or a call after it, is refused")
			}
		}
		wantState(t, r, breaker.Closed)
		want := []string{
			dep + " closed>open 5", dep + " open>half_open 5", dep + " half_open>open 6",
			dep + " open>half_open 6", dep + " half_open>closed 0",
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
	})
}

func TestClasses(t *testing.T) {
	t.Parallel()
	const (
		counts   = "failure"
		forgives = "success"
		nothing  = "neutral"
	)
	for class, want := range map[fault.Class]string{
		fault.Transient: counts, fault.Timeout: counts, fault.DependencyDown: counts,
		fault.Unclassified: counts, fault.UnknownEffect: counts,
		fault.DataQuality: forgives, fault.SchemaMismatch: forgives, fault.Policy: forgives,
		fault.Auth: forgives, fault.Conflict: forgives, fault.Poison: forgives,
		fault.Cancelled: nothing, fault.RateLimited: nothing, fault.Resource: nothing,
		fault.Bug: nothing,
	} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			r := breaker.New(breaker.Options{Failures: 3})
			call(t, r, errDown)
			for range 2 {
				call(t, r, &fault.Error{Code: fault.SimulateFailed, Override: class})
			}
			got := map[int]string{3: counts, 0: forgives, 1: nothing}[r.Statuses()[0].Failures]
			if got != want {
				t.Errorf("%s counts as %q, want %q", class, got, want)
			}
			opened := r.Statuses()[0].State == breaker.Open
			if opened != (want == counts) {
				t.Errorf("%s opens the circuit: %t", class, opened)
			}
		})
	}
}

func TestOtherErrors(t *testing.T) {
	t.Parallel()
	r := breaker.New(breaker.Options{Failures: 3})
	for range 10 {
		call(t, r, fault.New(fault.BreakerOpen, "another", nil))
	}
	for range 10 {
		call(t, r, errDown)
		call(t, r, fmt.Errorf("read: %w", fault.New(fault.FetchNotFound, "", nil)))
	}
	wantState(t, r, breaker.Closed)
	for range 3 {
		call(t, r, errors.New("says nothing"))
	}
	wantState(t, r, breaker.Open)
}

// TestContext: who gave up the call decides what it counts.
func TestContext(t *testing.T) {
	t.Parallel()
	for cause, want := range map[error]int{
		context.Canceled:                        0,
		context.DeadlineExceeded:                1,
		fault.New(fault.StageDraining, "", nil): 0,
		fault.New(fault.JobCancelled, "", nil):  0,
		fault.New(fault.StageTimeout, "", nil):  1,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := breaker.New(breaker.Options{})
			ctx, cancel := context.WithCancelCause(t.Context())
			err := r.Do(ctx, dep, func(ctx context.Context) error {
				cancel(cause)
				<-ctx.Done()
				return ctx.Err()
			})
			if err != context.Canceled {
				t.Errorf("Do = %v, want what fn returned", err)
			}
			if got := wantState(t, r, breaker.Closed).Failures; got != want {
				t.Errorf("%v counts %d failures, want %d", cause, got, want)
			}
			err = r.Do(ctx, "never", func(context.Context) error { panic("called") })
			if f := new(fault.Error); !errors.As(err, &f) || !errors.Is(err, cause) {
				t.Errorf("Do with an ended context = %v, want a fault of %v", err, cause)
			}
			wantState(t, r, breaker.Closed) // and nothing was made for it
		})
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := breaker.New(breaker.Options{Timeout: 2 * time.Second, Failures: 2})
		begin := time.Now()
		err := r.Do(t.Context(), dep, func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("read: %w", ctx.Err())
		})
		if !fault.Has(err, fault.BreakerTimeout) || !errors.Is(err, context.DeadlineExceeded) || fault.DependencyOf(err) != dep {
			t.Errorf("Do = %v, want breaker.timeout with the cause", err)
		}
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("the call took %v", took)
		}
		err = r.Do(t.Context(), dep, func(ctx context.Context) error {
			<-ctx.Done()
			return errDown
		})
		if !errors.Is(err, errDown) || err.Error() != errDown.Error() {
			t.Errorf("Do = %v, want the fault that fn returned", err)
		}
		wantState(t, r, breaker.Open)

		endless := breaker.New(breaker.Options{Timeout: -1})
		err = endless.Do(t.Context(), dep, func(ctx context.Context) error {
			time.Sleep(time.Hour)
			return ctx.Err()
		})
		if err != nil {
			t.Errorf("Do without a bound = %v", err)
		}
	})
}

// TestHungProbe: a probe that does not even heed its context is not a probe for
// ever.
func TestHungProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := breaker.New(breaker.Options{Timeout: time.Second})
		trip(t, r)
		time.Sleep(r.RetryAfter(dep))
		hung := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			_ = r.Do(t.Context(), dep, func(context.Context) error { <-hung; return nil })
		})
		synctest.Wait()
		if wantState(t, r, breaker.HalfOpen).RetryAfter == 0 || call(t, r, nil) {
			t.Error("a second probe is let through")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		wantState(t, r, breaker.Open)
		time.Sleep(r.RetryAfter(dep))
		if !call(t, r, nil) {
			t.Error("no other probe is let through")
		}
		close(hung)
		all.Wait()
		wantState(t, r, breaker.Closed)
	})
}

// TestNeutralProbe: a probe that says nothing gives its place to the next.
func TestNeutralProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := breaker.New(breaker.Options{Probes: 2})
		trip(t, r)
		time.Sleep(r.RetryAfter(dep))
		for range 5 {
			if !call(t, r, fault.New(fault.FetchRateLimited, "", nil)) {
				t.Fatal("a probe that says nothing keeps its place")
			}
		}
		wantState(t, r, breaker.HalfOpen)
		for range 2 {
			if !call(t, r, nil) {
				t.Fatal("a probe was refused")
			}
		}
		wantState(t, r, breaker.Closed)
	})
}

// TestPanic: the panic goes on to the caller, and the probe has ended.
func TestPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := breaker.New(breaker.Options{})
		trip(t, r)
		time.Sleep(r.RetryAfter(dep))
		func() {
			defer func() {
				if got := recover(); got != "at the disco" {
					t.Errorf("recovered %v", got)
				}
			}()
			_ = r.Do(t.Context(), dep, func(context.Context) error { panic("at the disco") })
		}()
		wantState(t, r, breaker.HalfOpen)
		var all sync.WaitGroup
		all.Go(func() {
			_ = r.Do(t.Context(), dep, func(context.Context) error {
				runtime.Goexit()
				return nil
			})
		})
		all.Wait()
		if !call(t, r, nil) {
			t.Error("a probe that panicked keeps its place")
		}
	})
}

// TestOnChangeMayUseTheRegistry: gobreaker calls its hook under its lock, where
// any question deadlocks.
func TestOnChangeMayUseTheRegistry(t *testing.T) {
	t.Parallel()
	var r *breaker.Registry
	var told []breaker.State
	r = breaker.New(breaker.Options{Failures: 1, OnChange: func(c breaker.Change) {
		if got := r.Statuses()[0].State; got != c.To {
			t.Errorf("told of %s, but the state is %s", c.To, got)
		}
		if c.To == breaker.Open && r.RetryAfter(dep) == 0 {
			t.Error("an open circuit makes nobody wait")
		}
		err := r.Do(context.Background(), c.Dependency, func(context.Context) error { return nil })
		if fault.Has(err, fault.BreakerOpen) != (c.To == breaker.Open) {
			t.Errorf("Do in state %s = %v", c.To, err)
		}
		told = append(told, c.To)
	}})
	call(t, r, errDown)
	if diff := cmp.Diff([]breaker.State{breaker.Open}, told); diff != "" {
		t.Error(diff)
	}
}

// TestOnChangeIsToldInOrder: a change that is caused while one is told is told
// after it.
func TestOnChangeIsToldInOrder(t *testing.T) {
	t.Parallel()
	var r *breaker.Registry
	var log []string
	r = breaker.New(breaker.Options{Failures: 1, OnChange: func(c breaker.Change) {
		log = append(log, "begin "+c.Dependency)
		if c.Dependency != "c" {
			next := string(c.Dependency[0] + 1)
			_ = r.Do(context.Background(), next, func(context.Context) error { return errDown })
		}
		log = append(log, "end "+c.Dependency)
	}})
	_ = r.Do(t.Context(), "a", func(context.Context) error { return errDown })
	want := []string{"begin a", "end a", "begin b", "end b", "begin c", "end c"}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Error(diff)
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	var told []breaker.Change
	r := breaker.New(breaker.Options{
		Limit: 3, Failures: 1, OnChange: func(c breaker.Change) { told = append(told, c) },
	})
	do := func(dependency string, err error) {
		t.Helper()
		got := r.Do(t.Context(), dependency, func(context.Context) error { return err })
		if !errors.Is(got, err) || err != nil && fault.DependencyOf(got) != dependency {
			t.Fatalf("Do = %v", got)
		}
	}
	names := func() (all []string) {
		for _, s := range r.Statuses() {
			all = append(all, s.Dependency+" "+string(s.State))
		}
		return all
	}
	do("dead-1", errDown)
	do("live-1", nil)
	do("live-2", nil)
	do("live-1", nil)
	do("dead-2", errDown) // live-2 was not used for longest, of those that live
	if diff := cmp.Diff([]string{"dead-1 open", "dead-2 open", "live-1 closed"}, names()); diff != "" {
		t.Error(diff)
	}
	do("dead-3", errDown)
	told = nil
	do("live-3", nil) // all are dead: dead-1 is the oldest
	if diff := cmp.Diff([]string{"dead-2 open", "dead-3 open", "live-3 closed"}, names()); diff != "" {
		t.Error(diff)
	}
	if len(told) != 1 || told[0].Dependency != "dead-1" || told[0].To != breaker.Closed {
		t.Errorf("told %+v, want that dead-1 is closed", told)
	}
	for i := range 1000 {
		do(fmt.Sprint(i), errDown)
	}
	if n := len(r.Statuses()); n != 3 {
		t.Errorf("%d circuits are kept", n)
	}
}
