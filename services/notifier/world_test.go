package notifier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/pkg/webhook"
	"github.com/millrace/millrace/services/notifier"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds how long a test waits for anything.
const patience = time.Minute

// world is a broker, endpoints, and a notifier that can be killed and started again.
type world struct {
	t     *testing.T
	conn  *bus.Conn
	store *endpoints.Store
	cfg   notifier.Config
	stop  func()
}

func newWorld(t *testing.T, change func(*notifier.Config)) *world {
	t.Helper()
	conn := bustest.Conn(t)
	w := &world{t: t, conn: conn, stop: func() {}}
	w.store = endpoints.New(endpoints.Options{
		Bus: conn, Vault: webhook.NewVault([32]byte{1}), AllowPrivateNetworks: true,
	})
	w.cfg = notifier.Config{
		Bus: conn, Endpoints: w.store, Lease: 500 * time.Millisecond, Log: bustest.Log(t),
		SaveEvery: 10 * time.Millisecond, Drain: 100 * time.Millisecond,
		Policy: webhook.Policy{Initial: 20 * time.Millisecond, Max: 50 * time.Millisecond},
	}
	if change != nil {
		change(&w.cfg)
	}
	t.Cleanup(func() { w.stop() })
	return w
}

// start runs a notifier; stop ends it.
func (w *world) start() {
	w.t.Helper()
	n, err := notifier.New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); _ = n.Run(ctx, ready) }()
	<-ready
	w.stop = sync.OnceFunc(func() { cancel(); <-done })
}

// create makes an endpoint.
func (w *world) create(r api.WebhookRequest) api.Webhook {
	w.t.Helper()
	hook, err := w.store.Create(w.t.Context(), events.DefaultTenant, r)
	if err != nil {
		w.t.Fatal(err)
	}
	return hook
}

// record is one of a job's records.
func record(job string, revision uint64, recordType string) events.Record {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return events.Record{
		Type: recordType, Revision: revision, Time: at,
		Job: events.Job{
			ID: job, Tenant: events.DefaultTenant, State: events.JobRunning, AcceptedAt: at,
			Pipeline: events.PipelineRef{Name: "pack", Digest: "sha256:00"},
		},
	}
}

// out is a record as a conductor writes it.
func out(t testing.TB, rec events.Record) bus.Out {
	t.Helper()
	data, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	j := rec.Job
	return bus.Out{
		Subject: events.EventSubject(j.Tenant, j.Pipeline.Name, j.ID, events.KindJob),
		ID:      events.RecordID(j.Tenant, j.ID, rec.Revision), Data: data,
		Header: map[string]string{events.HeaderCEType: events.CEType(rec.Type)},
	}
}

// happen publishes records.
func (w *world) happen(list ...events.Record) {
	w.t.Helper()
	outs := make([]bus.Out, len(list))
	for i, rec := range list {
		outs[i] = out(w.t, rec)
	}
	if err := w.conn.Publish(w.t.Context(), outs...); err != nil {
		w.t.Fatal(err)
	}
}

// await waits until something is so.
func (w *world) await(what string, so func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited too long until %s", what)
		}
	}
}

// hook reads an endpoint.
func (w *world) hook(id string) api.Webhook {
	w.t.Helper()
	h, err := w.store.Read(w.t.Context(), events.DefaultTenant, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// deliveries reads the log of an endpoint, oldest first.
func (w *world) deliveries(id string) []api.Delivery {
	w.t.Helper()
	page, err := w.store.Deliveries(w.t.Context(), events.DefaultTenant, api.DeliveryQuery{Webhook: id, Limit: 500})
	if err != nil {
		w.t.Fatal(err)
	}
	list := page.Deliveries
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// got is a webhook as it arrived.
type got struct {
	id   string
	head http.Header
	body []byte
	events.Notification
}

// receiver counts what it is sent.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	all []got
	// answer decides about a webhook; nil means 204.
	answer func(w http.ResponseWriter, g got)
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	g := got{id: q.Header.Get(webhook.HeaderID), head: q.Header, body: body}
	if err != nil || json.Unmarshal(body, &g.Notification) != nil {
		http.Error(w, "not JSON", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.all = append(r.all, g)
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w, g)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// says sets the answer.
func (r *receiver) says(fn func(w http.ResponseWriter, g got)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = fn
}

// status answers with a status.
func status(code int) func(http.ResponseWriter, got) {
	return func(w http.ResponseWriter, _ got) { w.WriteHeader(code) }
}

func (r *receiver) received() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.all...)
}

// distinct is how many events came, repetitions left out.
func (r *receiver) distinct() int {
	seen := map[string]bool{}
	for _, g := range r.received() {
		seen[g.id] = true
	}
	return len(seen)
}

// checkOrder checks that the first arrivals of each job's events are in order, that none
// of n jobs lacks one of per events, and that a repetition has the same id.
func checkOrder(t *testing.T, list []got, n, per int) {
	t.Helper()
	next, ids := map[string]uint64{}, map[string]string{}
	for _, g := range list {
		if old, again := ids[g.ID]; again {
			if old != g.id {
				t.Errorf("%s comes as %s and as %s", g.ID, old, g.id)
			}
			continue
		}
		ids[g.ID] = g.id
		if want := next[g.Data.Job] + 1; g.Data.Revision != want {
			t.Errorf("job %s: revision %d comes in place of %d", g.Data.Job, g.Data.Revision, want)
		}
		next[g.Data.Job] = g.Data.Revision
	}
	if len(next) != n || len(ids) != n*per {
		t.Errorf("%d events of %d jobs came, want %d of %d", len(ids), len(next), n*per, n)
	}
}

// jobs are records of n jobs, per each, mixed.
func jobs(n, per int) []events.Record {
	var list []events.Record
	for r := 1; r <= per; r++ {
		for j := range n {
			list = append(list, record(fmt.Sprintf("job-%d", j), uint64(r), "job.running"))
		}
	}
	return list
}
