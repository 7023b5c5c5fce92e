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
	if s.addr == "" {
		s.addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
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

// TestOutage: eight workers use a server that goes away and comes back.
func TestOutage(t *testing.T) {
	t.Parallel()
	s := &server{}
	s.start(t)
	var mu sync.Mutex
	var told []breaker.State
	opened := make(chan struct{}, 100)
	r := breaker.New(breaker.Options{Open: 50 * time.Millisecond, OnChange: func(c breaker.Change) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, c.To)
		if c.To != breaker.Open {
			return
		}
		select {
		case opened <- struct{}{}:
		default: // nobody counts that far
		}
	}})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var asked, answered, refused atomic.Int64
	ask := func(ctx context.Context) error {
		asked.Add(1)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr, nil)
		if err != nil {
			return fault.New(fault.InternalBug, "", err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return fault.New(fault.FetchUnreachable, "", err)
		}
		answered.Add(1)
		return resp.Body.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for ctx.Err() == nil {
				err := r.Do(ctx, dep, ask)
				if !fault.Has(err, fault.BreakerOpen) {
					continue
				}
				refused.Add(1)
				select {
				case <-time.After(fault.From(err).RetryAfter):
				case <-ctx.Done():
				}
			}
		})
	}
	defer workers.Wait()
	defer cancel()
	until := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !ok(); {
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain: %s", what)
			}
			<-time.After(time.Millisecond)
		}
	}

	until("the server answers", func() bool { return answered.Load() > 50 })
	s.stop(t)
	<-opened
	before := asked.Load()
	for range 5 { // failed probes
		<-opened
	}
	if n := asked.Load() - before; n > 5+8*5 {
		t.Errorf("%d calls reached a dead server through 5 probes", n)
	}
	if r.RetryAfter(dep) < 0 || refused.Load() == 0 {
		t.Error("nobody was refused")
	}
	down := answered.Load()
	s.start(t)
	until("the server answers again", func() bool { return answered.Load() > down+50 })
	cancel()
	workers.Wait()
	s.stop(t)

	mu.Lock()
	defer mu.Unlock()
	last := breaker.Closed
	for i, to := range told {
		from := map[breaker.State]breaker.State{
			breaker.Open: breaker.HalfOpen, breaker.HalfOpen: breaker.Open, breaker.Closed: breaker.HalfOpen,
		}[to]
		if last != from && !(last == breaker.Closed && to == breaker.Open) {
			t.Fatalf("change %d goes from %s to %s: %v", i, last, to, told)
		}
		last = to
	}
	if diff := cmp.Diff(breaker.Closed, last); diff != "" {
		t.Error(diff)
	}
}
