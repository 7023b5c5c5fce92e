package notifier_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/tracing"
)

// TestDelivers sends what an endpoint wants, in order, signed as the official library
// wants it.
func TestDelivers(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t, nil), newReceiver(t)
	w.happen(record("before", 1, "job.completed"))
	hook := w.create(api.WebhookRequest{URL: r.URL + "/hook?token=t", Types: []string{"job.*"}, Pipelines: []string{"pack"}})
	w.start()
	other := record("job-0", 9, "job.completed")
	other.Job.Pipeline.Name = "other"
	w.happen(other, record("job-0", 7, "step.succeeded"))
	w.happen(jobs(3, 4)...)
	w.await("all have come", func() bool { return r.distinct() == 12 })
	checkOrder(t, r.received(), 3, 4)
	official, err := standardwebhooks.NewWebhook(hook.Secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range r.received() {
		if err := official.Verify(g.body, g.head); err != nil {
			t.Errorf("%s: %v", g.ID, err)
		}
		if trace := tracing.Job(events.DefaultTenant, g.Data.Job, ""); g.head.Get("traceparent") != trace.String() {
			t.Errorf("%s belongs to trace %q", g.ID, g.head.Get("traceparent"))
		}
	}
	g := r.received()[0]
	want := []any{"1.0", "dev.millrace.job.running.v1", "/millrace", "job.running", "pack"}
	if diff := cmp.Diff(want, []any{g.Specversion, g.Type, g.Source, g.Data.Event, g.Data.Pipeline.Name}); diff != "" {
		t.Error(diff)
	}
	w.await("the log is whole", func() bool { return len(w.deliveries(hook.ID)) == 12 })
	d := w.deliveries(hook.ID)[0]
	if d.Outcome != api.Delivered || d.Status != 204 || d.Attempt != 1 || d.Message != g.id && len(d.Message) != len(g.id) {
		t.Errorf("logged %+v", d)
	}
}

// TestRetries sends again what was not taken, keeps the order of that job, and lets the
// others go on.
func TestRetries(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t, nil), newReceiver(t)
	hook := w.create(api.WebhookRequest{URL: r.URL})
	open := make(chan struct{})
	r.says(func(rw http.ResponseWriter, g got) {
		select {
		case <-open:
		default:
			if g.Data.Job == "job-0" {
				http.Error(rw, strings.Repeat("no ", 2000), http.StatusInternalServerError)
			}
		}
	})
	w.start()
	w.happen(jobs(4, 3)...)
	w.await("the others have come", func() bool {
		n := 0
		for _, g := range r.received() {
			if g.Data.Job != "job-0" {
				n++
			}
		}
		return n >= 9
	})
	close(open)
	w.await("all have come", func() bool { return r.distinct() == 12 })
	checkOrder(t, r.received(), 4, 3)
	d := w.deliveries(hook.ID)
	failed := false
	for _, one := range d {
		if one.Outcome == api.DeliveryFailed {
			failed = true
			if one.Job != "job-0" || one.Status != 500 || one.Code != string(fault.WebhookRefused) ||
				len(one.Body) != 1024 || one.NextAt.IsZero() {
				t.Errorf("logged %+v", one)
			}
		}
	}
	if !failed {
		t.Error("no failure is logged")
	}
}

// TestGone disables an endpoint that answers 410, and goes on when it is enabled.
func TestGone(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t, nil), newReceiver(t)
	hook := w.create(api.WebhookRequest{URL: r.URL})
	r.says(status(http.StatusGone))
	w.start()
	w.happen(record("a", 1, "job.accepted"))
	w.await("it is disabled", func() bool { return !w.hook(hook.ID).Enabled })
	if reason := w.hook(hook.ID).Reason; !strings.Contains(reason, "410") {
		t.Errorf("the reason is %q", reason)
	}
	w.happen(record("a", 2, "job.running"), record("b", 1, "job.accepted"))
	r.says(nil)
	yes := true
	if _, err := w.store.Update(t.Context(), events.DefaultTenant, hook.ID, api.WebhookChange{Enabled: &yes}, nil); err != nil {
		t.Fatal(err)
	}
	w.await("the rest has come", func() bool { return r.distinct() == 3 })
}

// TestRetryAfter waits as long as a receiver asks for.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t, nil), newReceiver(t)
	hook := w.create(api.WebhookRequest{URL: r.URL})
	r.says(func(rw http.ResponseWriter, _ got) {
		if len(r.received()) == 1 {
			rw.Header().Set("Retry-After", "1")
			rw.WriteHeader(http.StatusTooManyRequests)
		}
	})
	w.start()
	w.happen(record("a", 1, "job.accepted"))
	w.await("it has come", func() bool { return len(w.deliveries(hook.ID)) == 2 })
	d := w.deliveries(hook.ID)
	if wait := d[1].Time.Sub(d[0].Time); wait < time.Second || d[0].Code != string(fault.WebhookRateLimited) {
		t.Errorf("asked again after %v: %+v", wait, d[0])
	}
}

// TestNoEndpoints: without an endpoint nothing is written.
func TestNoEndpoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.start()
	w.happen(jobs(10, 2)...)
	w.stop()
	for _, stream := range []string{events.StreamDeliveries, "KV_" + events.BucketEndpoints} {
		if n, err := w.conn.Depth(t.Context(), stream); err != nil || n != 0 {
			t.Errorf("%s holds %d messages, %v", stream, n, err)
		}
	}
}
