package notifier_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/webhook"
	"github.com/millrace/millrace/services/notifier"
)

// TestRotation signs by the old and the new secret during the overlap, and by the new
// one only without any.
func TestRotation(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t, nil), newReceiver(t)
	hook := w.create(api.WebhookRequest{URL: r.URL})
	rotate := func(overlap time.Duration) string {
		h, err := w.store.Rotate(t.Context(), events.DefaultTenant, hook.ID, overlap, nil)
		if err != nil {
			t.Fatal(err)
		}
		return h.Secret
	}
	second := rotate(time.Hour)
	w.start()
	w.happen(record("a", 1, "job.accepted"))
	w.await("the first has come", func() bool { return r.distinct() == 1 })
	third := rotate(0)
	// The notifier hears of it in its own time: what is sent then is signed anew.
	w.await("the place is saved", func() bool { return w.hook(hook.ID).Status.Position > 0 })
	w.stop()
	w.start()
	w.happen(record("a", 2, "job.running"))
	w.await("the second has come", func() bool { return r.distinct() == 2 })
	verified := func(g got, secret string) bool {
		official, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		return official.Verify(g.body, g.head) == nil
	}
	for _, g := range r.received() {
		during := g.Data.Revision == 1
		for secret, want := range map[string]bool{hook.Secret: during, second: during, third: !during} {
			if verified(g, secret) != want {
				t.Errorf("revision %d: one of the secrets verifies %v", g.Data.Revision, !want)
			}
		}
	}
	if got := w.hook(hook.ID).Secrets; len(got) != 1 {
		t.Errorf("%d secrets are valid", len(got))
	}
}

// TestPrivate makes no request to a private address: by number, by name, or because it
// was sent there.
func TestPrivate(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t, nil), newReceiver(t)
	strict := endpoints.New(endpoints.Options{Bus: w.conn, Vault: webhook.NewVault([32]byte{1})})
	for _, address := range []string{
		r.URL, "http://127.0.0.1/x", "http://[::1]/", "http://10.1.2.3", "http://169.254.169.254/latest", "http://localhost:1/",
		"http://[::ffff:127.0.0.1]/", "ftp://example.com", "https://user:pw@example.com/", "http:///x", "",
	} {
		_, err := strict.Create(t.Context(), events.DefaultTenant, api.WebhookRequest{URL: address})
		if !fault.Has(err, fault.WebhookInvalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
	// One that was allowed once, and a name that leads to this machine, are refused when
	// they are dialled.
	port := r.URL[strings.LastIndex(r.URL, ":"):]
	numeric := w.create(api.WebhookRequest{URL: r.URL})
	named := w.create(api.WebhookRequest{URL: "http://localhost" + port})
	w.cfg.Endpoints = strict
	w.start()
	w.happen(record("a", 1, "job.accepted"))
	for _, hook := range []api.Webhook{numeric, named} {
		w.await("it is refused", func() bool { return len(w.deliveries(hook.ID)) > 0 })
		if d := w.deliveries(hook.ID)[0]; d.Code != string(fault.NetPrivateAddress) || d.Status != 0 {
			t.Errorf("%+v", d)
		}
	}
	if len(r.received()) > 0 {
		t.Error("a private address was asked")
	}
}

// TestRedirect does not go where a receiver points to.
func TestRedirect(t *testing.T) {
	t.Parallel()
	w, inside := newWorld(t, nil), newReceiver(t)
	front := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusTemporaryRedirect))
	t.Cleanup(front.Close)
	hook := w.create(api.WebhookRequest{URL: front.URL})
	w.start()
	w.happen(record("a", 1, "job.accepted"))
	w.await("it was asked", func() bool { return len(w.deliveries(hook.ID)) > 0 })
	if d := w.deliveries(hook.ID)[0]; d.Status != 307 || d.Outcome != api.DeliveryFailed || len(inside.received()) > 0 {
		t.Errorf("%+v, and %d webhooks inside", d, len(inside.received()))
	}
}

// TestBreaker asks a host that is down no more while its circuit is open, and counts
// nothing against the events meanwhile.
func TestBreaker(t *testing.T) {
	t.Parallel()
	breakers := breaker.New(breaker.Options{Failures: 3, Open: 300 * time.Millisecond})
	w, r := newWorld(t, func(c *notifier.Config) { c.Breakers = breakers }), newReceiver(t)
	hook := w.create(api.WebhookRequest{URL: r.URL})
	r.says(status(http.StatusServiceUnavailable))
	w.start()
	w.happen(jobs(5, 2)...)
	w.await("the circuit has opened", func() bool {
		s := breakers.Statuses()
		return len(s) == 1 && s[0].State == breaker.Open
	})
	r.says(nil)
	w.await("all have come", func() bool { return r.distinct() == 10 })
	checkOrder(t, r.received(), 5, 2)
	for _, d := range w.deliveries(hook.ID) {
		if d.Code == string(fault.BreakerOpen) {
			t.Errorf("logged as an attempt: %+v", d)
		}
	}
}

// TestReplay sends again by id and by time, beside what happens now, with the same
// webhook-id.
func TestReplay(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t, nil), newReceiver(t)
	w.happen(jobs(3, 2)...) // before there was an endpoint
	hook := w.create(api.WebhookRequest{URL: r.URL, Types: []string{"job.completed"}})
	w.start()
	w.happen(record("new", 1, "job.completed"))
	w.await("the new one has come", func() bool { return len(w.deliveries(hook.ID)) == 1 })
	sent := w.deliveries(hook.ID)[0]
	if _, err := w.store.ReplayDelivery(t.Context(), events.DefaultTenant, sent.ID); err != nil {
		t.Fatal(err)
	}
	w.await("it has come again", func() bool { return len(w.deliveries(hook.ID)) == 2 })
	if again := w.deliveries(hook.ID)[1]; again.Message != sent.Message || again.Replay == "" || again.Outcome != api.Delivered {
		t.Errorf("%+v after %+v", again, sent)
	}
	all := api.ReplayRequest{Since: time.Now().Add(-time.Hour), Types: []string{"job.running"}}
	if _, err := w.store.Replay(t.Context(), events.DefaultTenant, hook.ID, all); err != nil {
		t.Fatal(err)
	}
	w.await("what was before has come, and the replays have ended", func() bool {
		return r.distinct() == 7 && len(w.hook(hook.ID).Replays) == 0
	})
	next := map[string]uint64{}
	for _, g := range r.received()[2:] {
		if next[g.Data.Job]++; g.Data.Revision != next[g.Data.Job] {
			t.Errorf("%s: revision %d comes in place of %d", g.Data.Job, g.Data.Revision, next[g.Data.Job])
		}
	}
}

// TestBulk has one endpoint that is dead and one that works: 2,000 jobs reach the one
// that works, in order, and the other is bounded.
func TestBulk(t *testing.T) {
	t.Parallel()
	n := 2000
	if testing.Short() {
		n = 500
	}
	w, r := newWorld(t, nil), newReceiver(t)
	dead := w.create(api.WebhookRequest{URL: "http://127.0.0.1:1/", Types: []string{"*"}})
	w.create(api.WebhookRequest{URL: r.URL, Types: []string{"*"}})
	w.start()
	list := jobs(n, 2)
	for len(list) > 0 {
		w.happen(list[:500]...)
		list = list[500:]
	}
	w.await("the one that works has all", func() bool { return r.distinct() == 2*n })
	checkOrder(t, r.received(), n, 2)
	if s := w.hook(dead.ID).Status; s.Waiting > 256 || s.Failures == 0 {
		t.Errorf("the dead one: %+v", s)
	}
}

// TestTakesOver lets a second notifier go on where the first one is stopped.
func TestTakesOver(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t, nil), newReceiver(t)
	w.create(api.WebhookRequest{URL: r.URL})
	w.start()
	first := w.stop
	w.happen(jobs(2, 2)...)
	w.await("the first sends", func() bool { return r.distinct() == 4 })
	w.start()
	first()
	w.happen(record("job-0", 3, "job.completed"), record("job-1", 3, "job.completed"))
	w.await("the second goes on", func() bool { return r.distinct() == 6 })
	checkOrder(t, r.received(), 2, 3)
}

// TestChanges takes in a new address and a new filter while it runs, and forgets an
// endpoint that was deleted.
func TestChanges(t *testing.T) {
	t.Parallel()
	w, old, moved := newWorld(t, nil), newReceiver(t), newReceiver(t)
	hook := w.create(api.WebhookRequest{URL: old.URL})
	w.start()
	w.happen(record("a", 1, "job.accepted"))
	w.await("the old address has it", func() bool { return old.distinct() == 1 })
	types := []string{"step.*"}
	change := api.WebhookChange{URL: &moved.URL, Types: &types}
	if _, err := w.store.Update(t.Context(), events.DefaultTenant, hook.ID, change, nil); err != nil {
		t.Fatal(err)
	}
	next := uint64(2)
	w.await("the new address has what is new", func() bool {
		w.happen(record("a", next, "job.running"), record("a", next+1, "step.succeeded"))
		next += 2
		return moved.distinct() > 0
	})
	for _, g := range moved.received() {
		if g.Data.Event != "step.succeeded" {
			t.Errorf("%s came", g.Data.Event)
		}
	}
	if err := w.store.Delete(t.Context(), events.DefaultTenant, hook.ID, nil); err != nil {
		t.Fatal(err)
	}
	w.stop()
	if _, err := w.store.Read(t.Context(), events.DefaultTenant, hook.ID); !fault.Has(err, fault.WebhookNotFound) {
		t.Error(err)
	}
	if n, err := w.conn.Depth(t.Context(), "KV_"+events.BucketEndpoints); err != nil || n > 3 {
		t.Errorf("%d keys are left, %v", n, err)
	}
}

// TestSecrets shows a secret one time, and stores none that can be read.
func TestSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, scheme := range []string{"v1", "v1a"} {
		hook := w.create(api.WebhookRequest{URL: "https://example.com", Scheme: scheme})
		prefix := map[string]string{"v1": "whsec_", "v1a": "whpk_"}[scheme]
		if !strings.HasPrefix(hook.Secret, prefix) {
			t.Errorf("%s: the secret is %.6s…", scheme, hook.Secret)
		}
		if again := w.hook(hook.ID); again.Secret != "" || len(again.Secrets) != 1 {
			t.Errorf("%s: read as %+v", scheme, again)
		}
		kv, err := w.conn.KV(t.Context(), events.BucketEndpoints)
		if err != nil {
			t.Fatal(err)
		}
		value, _, err := kv.Get(t.Context(), events.DefaultTenant+"."+hook.ID)
		if err != nil || strings.Contains(string(value), "whsec_") || strings.Contains(string(value), "whsk_") {
			t.Errorf("%s: stored in the open, %v", scheme, err)
		}
		e, _, err := w.store.Get(t.Context(), events.DefaultTenant, hook.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Keys(webhook.NewVault([32]byte{2}), time.Now()); !fault.Has(err, fault.WebhookSecretUnreadable) {
			t.Errorf("%s: with another secret of the mill: %v", scheme, err)
		}
	}
	for i := 2; i < endpoints.MaxEndpoints; i++ {
		w.create(api.WebhookRequest{URL: fmt.Sprintf("https://example.com/%d", i)})
	}
	_, err := w.store.Create(t.Context(), events.DefaultTenant, api.WebhookRequest{URL: "https://example.com"})
	if !fault.Has(err, fault.WebhookTooMany) {
		t.Error(err)
	}
}
