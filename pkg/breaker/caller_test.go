package breaker_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/breaker"
)

// TestCallers: a circuit knows who has called, and tells of those who come while it is
// open, one time each. Nobody's calls are nobody's.
func TestCallers(t *testing.T) {
	t.Parallel()
	r := breaker.New(breaker.Options{})
	var told []breaker.Change
	defer r.Observe(func(c breaker.Change) { told = append(told, c) })()
	as := func(name string, err error) {
		_ = r.Do(breaker.WithCaller(t.Context(), name), dep, func(context.Context) error { return err })
	}
	as("store", nil)
	as("fetch", nil)
	as("", nil)
	if got := wantState(t, r, breaker.Closed).Callers; len(told) > 0 || !cmp.Equal(got, []string{"fetch", "store"}) {
		t.Errorf("callers %q, told %+v", got, told)
	}
	trip(t, r)
	as("late", nil) // it is refused
	as("late", nil)
	as("store", nil)
	opened := wantState(t, r, breaker.Open)
	want := []breaker.Change{
		{
			Dependency: dep, From: breaker.Closed, To: breaker.Open, Time: opened.Since, Until: opened.Until,
			Failures: 5, Reason: opened.Reason, Callers: []string{"fetch", "store"},
		},
		{
			Dependency: dep, From: breaker.Open, To: breaker.Open, Time: opened.Since, Until: opened.Until,
			Failures: 5, Reason: opened.Reason, Callers: []string{"fetch", "late", "store"},
		},
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

// TestCallersAreBounded: names are remembered up to 64.
func TestCallersAreBounded(t *testing.T) {
	t.Parallel()
	r := breaker.New(breaker.Options{})
	for i := range 100 {
		ctx := breaker.WithCaller(t.Context(), string(rune('a'+i)))
		if err := r.Do(ctx, dep, func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if got := wantState(t, r, breaker.Closed).Callers; len(got) != 64 || got[63] != string(rune('a'+63)) {
		t.Errorf("%d callers: %q", len(got), got)
	}
}
