package mill_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/mill"
)

// till is a service that takes orders under the keys that come with them, and does not
// answer the first one.
type till struct {
	*httptest.Server
	arrived chan struct{}

	mu     sync.Mutex
	calls  int
	orders map[string]int
}

func newTill(t *testing.T) *till {
	t.Helper()
	s := &till{arrived: make(chan struct{}), orders: map[string]int{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *till) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	key := strings.TrimPrefix(r.URL.Path, "/")
	if r.Method == http.MethodGet {
		if s.orders[key] == 0 {
			w.WriteHeader(http.StatusNotFound)
		}
		s.mu.Unlock()
		return
	}
	s.calls++
	s.orders[key]++
	first := s.calls == 1
	s.mu.Unlock()
	if first {
		close(s.arrived)
		<-r.Context().Done()
	}
}

// github.com/conductor-oss/conductor, docs/architecture/durable-execution.md, the failure
// matrix: when a "worker crashes after side effect, before completion update", the "task
// executes again", and whoever is paid is paid twice unless the worker sees to it. Here a
// worker is killed at that very moment. The next one asks whether it was done, or repeats
// it under the same key where that is harmless, or leaves it to a person; it never calls
// blindly.
func TestStoryConductorMatrixCrashAfterSideEffect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		verify string
		calls  int
		person bool
	}{
		"the other side can be asked":  {verify: ", verify: { url: '%s/{id}' }", calls: 1},
		"the other side knows the key": {verify: ", verify: { idempotent: true }", calls: 2},
		"nobody can tell":              {calls: 1, person: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTill(t)
			w, c := storyWorld(t, mill.RoleConductor, mill.RoleGateway)
			worker := w.worker("stage:http-call")
			with := fmt.Sprintf("url: '%s/{id}'", s.URL) + strings.ReplaceAll(test.verify, "%s", s.URL)
			w.apply("pay", "    - { id: pay, uses: http-call@1, with: { "+with+" } }\n")
			job := w.accepted("pay", inline("one", "content"))
			within(t, "the call is made", s.arrived)
			worker.kill()
			if err := worker.start(); err != nil {
				t.Fatal(err)
			}
			if test.person {
				j := w.attention(job)
				if f := j.Steps["pay"].Fault; f == nil || f.Code != string(fault.EffectUnknown) || j.Steps["pay"].Effect == "" {
					t.Errorf("the step says %+v of effect %q", f, j.Steps["pay"].Effect)
				}
				if _, err := c.Settle(t.Context(), job, "it is on the bill", events.SettleDone); err != nil {
					t.Fatal(err)
				}
			}
			j := w.final(job)
			same(t, "the end", j.State, events.JobCompleted)
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.calls != test.calls || len(s.orders) != 1 {
				t.Errorf("%d calls, want %d, for the orders %v", s.calls, test.calls, s.orders)
			}
		})
	}
}
