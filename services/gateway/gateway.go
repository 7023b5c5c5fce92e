package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/audit"
	"github.com/millrace/millrace/pkg/deadletter"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/identity"
	"github.com/millrace/millrace/pkg/upload"
)

// Limits of the HTTP server that nobody needs to change.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
)

// Gateway answers HTTP requests. It is safe for concurrent use.
type Gateway struct {
	Config
	intake    *intake
	dead      *deadletter.Store
	audit     *audit.Log
	origins   *http.CrossOriginProtection
	hosts     map[string]bool
	uploads   slots
	followers slots
	catchUps  slots
	tail      *tail
	recent    *recent
	reads     errands // of the log, whose requests may have been answered otherwise
	tus       *upload.Service
	page      *dashboard
	handler   http.Handler
	strikes   identity.Strikes
	doors     map[string]access          // who may use a route, by method and path
	answers   map[string]map[string]bool // which methods a path takes
	document  func() (*published, error)

	stop    sync.Once
	closing chan struct{} // closed when requests that wait must come to an end
}

// New returns a gateway that takes no requests yet. [Gateway.Run] or
// [Gateway.Close] ends it. Faults: mill.bad_config, those of the bus.
func New(c Config) (*Gateway, error) {
	if err := c.setDefaults(); err != nil {
		return nil, fault.New(fault.MillBadConfig, "", err)
	}
	origins, err := c.crossOrigin()
	if err != nil {
		return nil, fault.New(fault.MillBadConfig, "trusted origins", err)
	}
	in, err := newIntake(c.Bus, c.Limits.SubmitTimeout)
	if err != nil {
		return nil, err
	}
	recent, err := newRecent(c.Bus)
	if err != nil {
		in.close()
		return nil, err
	}
	g := &Gateway{
		Config: c, intake: in, dead: deadletter.New(c.Bus), audit: audit.New(c.Bus), origins: origins, hosts: make(map[string]bool),
		uploads: make(slots, c.Limits.Uploads), followers: make(slots, c.Limits.Followers),
		catchUps: make(slots, maxCatchUps), tail: newTail(c.Streams, recent), recent: recent,
		closing: make(chan struct{}),
	}
	for _, h := range c.AllowedHosts {
		g.hosts[strings.ToLower(h)] = true
	}
	if g.tus, err = g.resumable(); err != nil {
		g.hangUp()
		return nil, err
	}
	if g.page, err = newDashboard(); err != nil {
		g.hangUp()
		return nil, err
	}
	g.handler = g.routes()
	return g, nil
}

// Handler answers requests. Requests that wait or follow end with [Gateway.Close].
func (g *Gateway) Handler() http.Handler { return g.handler }

// Close ends the requests that wait or follow, and the gateway's subscriptions. It
// does not wait for other requests. It may be called more than once.
func (g *Gateway) Close() error {
	g.stop.Do(func() {
		close(g.closing)
		g.hangUp()
		g.tail.close()
	})
	return nil
}

// hangUp ends the subscriptions, and waits for what is being read.
func (g *Gateway) hangUp() {
	g.intake.close()
	g.recent.stop()
	g.reads.close()
}

// Run serves HTTP on a listener, which it closes, until ctx ends. Then requests
// that wait or follow are ended, others may go on for a grace period, and Run
// returns. It may be called once, and closes the gateway. It returns nil after a
// regular stop. Fault: mill.start_failed when the listener fails.
func (g *Gateway) Run(ctx context.Context, l net.Listener) error {
	s := &http.Server{
		Handler:           g.handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(g.Log.Handler(), slog.LevelDebug),
		BaseContext: func(l net.Listener) context.Context {
			return context.WithValue(context.WithoutCancel(ctx), listenerKey{}, l.Addr())
		},
	}
	tidy, stopTidying := context.WithCancel(context.WithoutCancel(ctx))
	var tidying sync.WaitGroup
	tidying.Go(func() { _ = g.tus.Run(tidy) }) // it ends without an error
	defer tidying.Wait()
	defer stopTidying()
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		g.shutdown(s)
		return fault.New(fault.MillStartFailed, "serve HTTP", err)
	case <-ctx.Done():
	}
	g.shutdown(s)
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fault.New(fault.MillStartFailed, "serve HTTP", err)
	}
	return nil
}

// shutdown lets requests end, and cuts off those that take too long.
func (g *Gateway) shutdown(s *http.Server) {
	// The intake goes last, for requests that wait for a receipt.
	defer g.hangUp()
	defer g.tail.close()
	g.stop.Do(func() { close(g.closing) })
	ctx, cancel := context.WithTimeout(context.Background(), g.Limits.Grace)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		g.Log.Warn("requests are cut off", "after", g.Limits.Grace)
		_ = s.Close()
	}
}

// slots bound how many do something at once.
type slots chan struct{}

// take returns a function that gives the slot back, or the fault http.too_busy
// when none was free for a while.
func (s slots) take(ctx context.Context, wait time.Duration) (release func(), err error) {
	release = func() { <-s }
	select {
	case s <- struct{}{}:
		return release, nil
	default:
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case s <- struct{}{}:
		return release, nil
	case <-ctx.Done():
	case <-timer.C:
	}
	return nil, &fault.Error{Code: fault.HTTPTooBusy, RetryAfter: time.Second}
}

// errands are things done for a request that may be over before they are.
type errands struct {
	mu     sync.Mutex
	closed bool
	going  sync.WaitGroup
}

// run does fn beside the caller, or, once the errands are closed, before it returns.
func (e *errands) run(fn func()) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		fn()
		return
	}
	e.going.Go(fn)
	e.mu.Unlock()
}

// close waits for all. It may be called again.
func (e *errands) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.going.Wait()
}
