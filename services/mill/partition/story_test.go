package partition_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/registry"
	"github.com/millrace/millrace/services/mill"
)

// docs.hatchet.run/guarantees-and-tradeoffs: "Every task will execute at least once". A
// worker that is not heard of any more is taken for lost and its task goes to another
// one, though it is still at work: the side effect happens twice. Here the other worker
// finds that a call may be out, and does not make it again; whether it asks the other
// side or leaves it to a person, what the first worker says when it is back changes
// nothing.
func TestStoryHatchetLostWorkerStillAtWork(t *testing.T) {
	t.Parallel()
	for name, asks := range map[string]bool{"the other side can be asked": true, "nobody can tell": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there, back := make(chan struct{}), make(chan struct{})
			var paid atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost && paid.Add(1) == 1 {
					close(there)
					<-back
				}
			}))
			t.Cleanup(s.Close)
			w := newWorld(t)
			w.conductor(w.broker)
			with := "url: '" + s.URL + "/{id}'"
			if asks {
				with += ", verify: { url: '" + s.URL + "/{id}' }"
			}
			w.pays(with)
			link := w.link()
			pays := func(addr string) (stop func()) {
				_, stop = w.start(mill.Config{NATSURL: "nats://" + addr, Roles: []string{"stage:http-call"}, AllowPrivateNetworks: true}, by("nobody"))
				return stop
			}
			submit := func(key string) string {
				w.publish(events.SubmitSubject(events.DefaultTenant, "pay"), key, events.Submission{
					Key: key, Files: []events.Source{{Name: "a.txt", Inline: []byte("a")}},
				})
				return events.JobID(events.DefaultTenant, key)
			}
			pays(link.Addr())
			job := submit("a")
			wait(t, "the first worker calls", there)
			w.cut(link)
			stop := pays(w.broker)
			if !asks {
				j := w.await(job, events.JobAttention)
				if f := j.Steps["pay"].Fault; f == nil || f.Code != string(fault.EffectUnknown) {
					t.Errorf("the step says %+v", f)
				}
				w.publish(events.ControlSubject(events.DefaultTenant, job), "settle", events.Command{
					Verb: events.VerbRetry, Step: "pay", Effect: events.SettleDone,
				})
			}
			done := w.await(job, events.JobCompleted)
			close(back)
			w.heal(link)
			// The first worker has one slot: when that takes work again, it has answered.
			stop()
			w.await(submit("b"), events.JobCompleted)
			w.empty()
			if after := w.await(job, events.JobCompleted); !cmp.Equal(done, after) {
				t.Errorf("the worker that was back has changed the job: %s", cmp.Diff(done, after))
			}
			if n := paid.Load(); n != 2 {
				t.Errorf("two jobs have paid %d times", n)
			}
		})
	}
}

// pays stores a pipeline that makes one call.
func (w *world) pays(with string) {
	w.t.Helper()
	kv, err := w.conn.KV(w.t.Context(), events.BucketPipelines)
	if err != nil {
		w.t.Fatal(err)
	}
	_, _, err = registry.New(kv, mill.Catalog()).Apply(w.t.Context(), events.DefaultTenant, []byte(`apiVersion: millrace.dev/v1
kind: Pipeline
metadata: { name: pay }
spec:
  steps:
    - { id: pay, uses: http-call@1, with: { `+with+` } }
`))
	if err != nil {
		w.t.Fatal(err)
	}
}
