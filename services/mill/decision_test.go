package mill_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/mill"
)

// deafShop takes every order and hangs up on the first one without an answer, so
// that nobody but the shop knows that it was taken.
func deafShop(t *testing.T) (url string, orders *atomic.Int32) {
	t.Helper()
	orders = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if orders.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, orders
}

// withClient starts a mill with a gateway, and a client of it.
func withClient(t *testing.T) (*world, *client.Client) {
	t.Helper()
	w := newWorld(t, func(c *mill.Config) { c.HTTPAddr, c.AllowPrivateNetworks = "127.0.0.1:0", true })
	c, err := client.New(client.Config{Server: w.mill.HTTPURL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return w, c
}

// TestPersonSettlesAnUnknownEffect: a call was cut off, nobody can tell whether it was
// made, and what a person says of it decides whether it is made again.
func TestPersonSettlesAnUnknownEffect(t *testing.T) {
	t.Parallel()
	for choice, calls := range map[events.DecisionChoice]int32{events.ChooseEffectDone: 1, events.ChooseEffectNotDone: 2} {
		t.Run(string(choice), func(t *testing.T) {
			t.Parallel()
			url, orders := deafShop(t)
			w, c := withClient(t)
			w.apply("order", `
    - id: order
      uses: http-call@1
      with: { url: "`+url+`" }
      retry: { initial: 1ms, max: 1ms }
`)
			job := w.accepted("order", inline("one", "content"))
			w.await(job, "attention", func(j events.Job) bool { return j.State == events.JobAttention })
			d, err := c.Decision(t.Context(), job+".order")
			if err != nil {
				t.Fatal(err)
			}
			if d.Fault == nil || d.Fault.Class != string(fault.UnknownEffect) || d.Effect == "" || d.Checkpoint != nil {
				t.Errorf("decision %+v", d)
			}
			w.wantListed(c, d.ID)
			made, err := c.Decide(t.Context(), d.ID, d.Version, api.DecisionAnswer{Choice: choice, Reason: "I asked them"})
			if err != nil || made.Made == nil || made.Made.Choice != choice {
				t.Fatalf("made %+v, %v", made, err)
			}
			if j := w.final(job); j.State != events.JobCompleted || orders.Load() != calls {
				t.Errorf("job %s with %d orders, want %d: %+v", j.State, orders.Load(), calls, j.Steps["order"])
			}
			_, err = c.Decide(t.Context(), d.ID, d.Version, api.DecisionAnswer{Choice: choice})
			if !fault.Has(err, fault.DecisionMade) {
				t.Errorf("the second answer: %v", err)
			}
		})
	}
}

// wantListed waits until the list of jobs has caught up, and the decision is there.
func (w *world) wantListed(c *client.Client, id string) {
	w.t.Helper()
	for range 1000 {
		for d, err := range c.AllDecisions(w.t.Context(), api.DecisionQuery{Class: string(fault.UnknownEffect)}) {
			if err != nil {
				w.t.Fatal(err)
			}
			if d.ID == id {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("decision %s is not listed", id)
}

// TestDefaultIsTakenWhenNobodyDecides, also after a restart that has lost the queue
// and with it the timer.
func TestDefaultIsTakenWhenNobodyDecides(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) { c.Derived = bus.DerivedMemory })
	w.apply("soon", `
    - id: check
      uses: simulate@1
      critical: false
      attention: { due: 3s, default: skip }
      with: { fail: { class: auth } }
`)
	job := w.accepted("soon", inline("one", "content"))
	w.await(job, "attention", func(j events.Job) bool { return j.State == events.JobAttention })
	w.stop()
	w.start()
	j := w.final(job)
	made := j.Steps["check"].Decision.Made
	if j.State != events.JobCompleted || made == nil || !made.Default || made.Choice != events.ChooseSkip || made.By != "default" {
		t.Errorf("job %s, decision %+v", j.State, j.Steps["check"].Decision)
	}
}
