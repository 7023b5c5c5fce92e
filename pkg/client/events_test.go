package client_test

import (
	"encoding/json"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
)

// TestEventsOverRestarts follows all jobs while the server restarts between them.
func TestEventsOverRestarts(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	submit(t, c)
	var want []string
	var place uint64
	for e, err := range c.Events(t.Context(), client.EventQuery{Types: []string{"job.accepted"}, Pipelines: []string{"keep"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type != "" {
			var n events.Notification
			if err := json.Unmarshal(e.Body, &n); err != nil || n.Data.Job != want[len(want)-1] {
				t.Fatalf("event %s, want job %v: %v", e.Body, want, err)
			}
		} else if len(want) > 0 || e.Place == 0 {
			t.Errorf("a beginning at %d after %d jobs", e.Place, len(want))
		}
		if e.Place <= place {
			t.Errorf("place %d after %d", e.Place, place)
		}
		place = e.Place
		if len(want) == 6 {
			break
		}
		if len(want)%2 == 0 {
			w.Stop()
			w.Start()
		}
		want = append(want, submit(t, c))
	}
	same(t, "jobs", len(want), 6)
}

func TestEventPage(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t, gateway.Limits{})
	jobs := []string{submit(t, c), submit(t, c), submit(t, c)}
	q := client.EventQuery{Limit: 2, Jobs: jobs[1:]}
	p, err := c.EventPage(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "page", []any{len(p.Events), p.Events[0].Place, p.After, p.More}, []any{2, uint64(2), uint64(3), false})
	q.After = 2
	if p, err = c.EventPage(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	same(t, "rest", len(p.Events), 1)
	_, err = c.EventPage(t.Context(), client.EventQuery{Types: []string{"job.finished"}})
	if !fault.Has(err, fault.WebhookInvalid) {
		t.Errorf("a type that there is not: %v", err)
	}
}
