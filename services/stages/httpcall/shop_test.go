package httpcall_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/httpcall"
)

// shop is another service: it takes orders at POST /orders, shows them at
// GET /orders/ID and cancels them at DELETE /orders/ID. It honours keys, unless
// careless.
type shop struct {
	*httptest.Server
	careless bool

	mu sync.Mutex
	// before and after are called for an order before it is taken and after; they
	// may spoil the answer.
	before, after http.HandlerFunc
	orders        map[string]*order
	posts         []*http.Request
	bodies        []string
}

type order struct {
	label     string
	made      int
	cancelled bool
}

func newShop(t testing.TB) *shop {
	t.Helper()
	s := &shop{orders: map[string]*order{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", s.post)
	mux.HandleFunc("GET /orders/{id}", s.get)
	mux.HandleFunc("DELETE /orders/{id}", s.cancel)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *shop) post(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what is cut off is no order
	s.mu.Lock()
	s.posts, s.bodies = append(s.posts, r), append(s.bodies, string(body))
	before, after := s.before, s.after
	s.mu.Unlock()
	if before != nil {
		before(w, r)
	}
	id := strings.Trim(r.Header.Get("Idempotency-Key"), `"`)
	var content struct {
		Job  string `json:"job"`
		File struct{ Name string }
	}
	_ = json.Unmarshal(body, &content) // an order without a label
	s.mu.Lock()
	o := s.orders[id]
	if o == nil {
		o = &order{label: strings.TrimSpace(content.Job + " " + content.File.Name)}
		s.orders[id] = o
	}
	if o.made == 0 || s.careless {
		o.made++
	}
	s.mu.Unlock()
	if after != nil {
		after(w, r)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprint(w, `{"taken": true}`)
}

func (s *shop) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders[r.PathValue("id")]
	if o == nil {
		http.NotFound(w, r)
		return
	}
	fmt.Fprintf(w, `{"made": %d}`, o.made)
}

func (s *shop) cancel(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders[r.PathValue("id")]
	if o == nil || o.cancelled {
		http.NotFound(w, r)
		return
	}
	o.cancelled = true
	w.WriteHeader(http.StatusNoContent)
}

// live is what there is in the shop: how often, by label.
func (s *shop) live(*testing.T) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]string{}
	for _, o := range s.orders {
		if o.made > 0 && !o.cancelled {
			all[o.label] = strconv.Itoa(o.made)
		}
	}
	return all
}

// asked is how many orders came in, also such that were not taken.
func (s *shop) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.posts)
}

// spoil sets what happens to orders from now on.
func (s *shop) spoil(before, after http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

// made is how often orders were carried out.
func (s *shop) made() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, o := range s.orders {
		n += o.made
	}
	return n
}

// first is a handler for the first request only.
func first(h http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			h(w, r)
		}
	}
}

// cut ends the connection instead of answering.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// newStage returns a stage that may reach this machine.
func newStage(t testing.TB) stage.Stage {
	t.Helper()
	return httpcall.New(httpcall.Options{AllowPrivateNetworks: true})
}

// try is one attempt at a job.
func try(t testing.TB, s stage.Stage, j *stagetest.Job) (stage.Result, error) {
	t.Helper()
	return s.Run(t.Context(), j.Attempt())
}

func newJob(t testing.TB, config string, files ...stagetest.Content) *stagetest.Job {
	t.Helper()
	return stagetest.NewJob(t, stagetest.Case{Name: t.Name(), Config: config, Files: files})
}

func wantFault(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if !fault.Has(err, code) {
		t.Errorf("got %v, want %s", err, code)
	}
}

// serve returns the address of a server that ends with the test.
func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}
