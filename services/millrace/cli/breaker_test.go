package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
)

func TestBreakerTable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var b strings.Builder
	_, err := breakerTable([]events.Breaker{
		{
			Dependency: "http:crm", Worker: "a", State: events.BreakerOpen, Reason: "fetch.unreachable", Stages: []string{"fetch", "http-call"},
			Since: now.Add(-8 * time.Second), Until: now.Add(1500 * time.Millisecond),
		},
		{Dependency: "http:crm", Worker: "b", State: events.BreakerClosed, Since: now.Add(-3 * time.Minute)},
		{Dependency: "s3:x", Worker: "a", State: events.BreakerOpen, Since: now, Until: now.Add(-time.Second)},
	}, now).WriteTo(&b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"DEPENDENCY WORKER STATE SINCE UNTIL REASON STAGES",
		"http:crm a open 8s in 1.50 s fetch.unreachable fetch, http-call",
		"http:crm b closed 3m - - -",
		"s3:x a open 0s - - -",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
