package breaker_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/deploy/freeport"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/fault"
)

// server is a dependency that can go away and come back at the same address.
type server struct {
	addr string
	srv  *http.Server
	done chan struct{}
}

func (s *server) start(t *testing.T) {
	t.Helper()
	var err error
	if s.addr == "" {
		if s.addr, err = freeport.Address(); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.srv = &http.Server{
		Handler:           http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		ReadHeaderTimeout: time.Minute,
	}
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		_ = s.srv.Serve(l) // always ErrServerClosed
	}()
}

func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.srv.Close(); err != nil {
		t.Error(err)
	}
	<-s.done
}

// outage is a server behind a breaker, and those who use it.
type outage struct {
	server
	breakers                 *breaker.Registry
	client                   *http.Client
	asked, answered, refused atomic.Int64
	opened                   chan struct{}

	mu   sync.Mutex
	told []breaker.State
}

// changed notes what the breaker tells.
func (o *outage) changed(c breaker.Change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told = append(o.told, c.To)
	if c.To != breaker.Open {
		return
	}
	select {
	case o.opened <- struct{}{}:
	default: // nobody counts that far
	}
}

// ask calls the server once.
func (o *outage) ask(ctx context.Context) error {
	o.asked.Add(1)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.addr, nil)
	if err != nil {
		return fault.New(fault.InternalBug, "", err)
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return fault.New(fault.FetchUnreachable, "", err)
	}
	o.answered.Add(1)
	return resp.Body.Close()
}

// work calls the server through the breaker, and waits when it is refused.
func (o *outage) work(ctx context.Context) {
	for ctx.Err() == nil {
		err := o.breakers.Do(ctx, dep, o.ask)
		if !fault.Has(err, fault.BreakerOpen) {
			continue
		}
		o.refused.Add(1)
		select {
		case <-time.After(fault.From(err).RetryAfter):
		case <-ctx.Done():
		}
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

// TestOutage: eight workers use a server that goes away and comes back.
func TestOutage(t *testing.T) {
	t.Parallel()
	o := &outage{opened: make(chan struct{}, 100)}
	o.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	o.breakers = breaker.New(breaker.Options{Open: 50 * time.Millisecond, OnChange: o.changed})
	o.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() { o.work(ctx) })
	}
	defer workers.Wait()
	defer cancel()

	until(t, "the server answers", func() bool { return o.answered.Load() > 50 })
	o.stop(t)
	<-o.opened
	before := o.asked.Load()
	for range 5 { // failed probes
		<-o.opened
	}
	if n := o.asked.Load() - before; n > 5+8*5 {
		t.Errorf("%d calls reached a dead server through 5 probes", n)
	}
	if o.breakers.RetryAfter(dep) < 0 || o.refused.Load() == 0 {
		t.Error("nobody was refused")
	}
	down := o.answered.Load()
	o.start(t)
	until(t, "the server answers again", func() bool { return o.answered.Load() > down+50 })
	cancel()
	workers.Wait()
	o.stop(t)
	o.checkTold(t)
}

// checkTold wants only changes that a breaker can make, the last to closed.
func (o *outage) checkTold(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	last := breaker.Closed
	for i, to := range o.told {
		from := map[breaker.State]breaker.State{
			breaker.Open: breaker.HalfOpen, breaker.HalfOpen: breaker.Open, breaker.Closed: breaker.HalfOpen,
		}[to]
		if last != from && !(last == breaker.Closed && to == breaker.Open) {
			t.Fatalf("change %d goes from %s to %s: %v", i, last, to, o.told)
		}
		last = to
	}
	if diff := cmp.Diff(breaker.Closed, last); diff != "" {
		t.Error(diff)
	}
}
