package policy_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/policy"
)

func TestRates(t *testing.T) {
	t.Parallel()
	for rate, want := range map[string]time.Duration{
		"1/s": time.Second, "2/s": 500 * time.Millisecond, "3/s": 334 * time.Millisecond, "1000/s": time.Millisecond,
		"1/m": time.Minute, "7/m": 8572 * time.Millisecond, "1/h": time.Hour, "9999/h": 361 * time.Millisecond, "": 0,
	} {
		r := ruleOf("r", events.RuleMatch{Class: "timeout"})
		r.Then.Rate = rate
		if got := compile(t, r).Every("r"); got != want {
			t.Errorf("rate %q is one every %v, want %v", rate, got, want)
		}
	}
}

// A thousand jobs that fail together come back at the rate, after as long as their
// own policy wants.
func TestPlacesOfManyAtOnce(t *testing.T) {
	t.Parallel()
	p := policy.NewPace(500 * time.Millisecond)
	for i := range 1000 {
		if got, want := p.Take(start, start), start.Add(time.Duration(i)*500*time.Millisecond); got != want {
			t.Fatalf("place %d is %v, want %v", i, got, want)
		}
	}
	later := start.Add(time.Hour)
	if got := p.Take(later, start); got != later {
		t.Errorf("who wants to wait an hour gets %v", got)
	}
	if got := p.Take(start, start); got != start.Add(500*time.Second) {
		t.Errorf("the place after that is %v", got)
	}
	// Time passes: the places are free again, and what is kept stays bounded.
	now := later.Add(time.Second)
	for i := range 5000 {
		if got, want := p.Take(start, now), now.Add(time.Duration(i)*500*time.Millisecond); got != want {
			t.Fatalf("later, place %d is %v, want %v", i, got, want)
		}
	}
}

func TestNobodyWaitsLongerThanADayForAPlace(t *testing.T) {
	t.Parallel()
	p := policy.NewPace(time.Hour)
	at := start.Add(time.Minute)
	for range 24 {
		if got := p.Take(at, start); got.Sub(at) > 24*time.Hour {
			t.Errorf("a place at %v", got)
		}
	}
	for range 3 {
		if got := p.Take(at, start); got != at.Add(24*time.Hour) {
			t.Errorf("the day is full, and the place is %v", got)
		}
	}
}
