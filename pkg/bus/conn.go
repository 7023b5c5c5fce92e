package bus

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// Conn is a connection to the broker. One per process is enough; it is safe for
// concurrent use, reconnects by itself for as long as it is open, and is closed
// by whoever opened it.
type Conn struct {
	opts  Options
	log   *slog.Logger
	nc    *nats.Conn
	js    jetstream.JetStream
	mux   *mux
	key   *userKey // nil without one
	plans plans
	// refused is what the broker has refused last.
	refused refusals
	back    reconnects

	// hook wakes the goroutine that calls OnReconnect.
	hook  chan struct{}
	hooks sync.WaitGroup

	closing  sync.Once
	closed   chan struct{}
	closeErr error
}

// Connect opens a connection and checks that the broker is fit: version 2.12 or
// newer, with JetStream. While the broker does not answer it tries again until
// ctx ends. Faults: bus.unreachable, bus.denied, bus.too_old, bus.no_jetstream,
// broker.bad_key.
func Connect(ctx context.Context, o Options) (*Conn, error) {
	o = o.withDefaults()
	c := &Conn{opts: o, log: o.Log, closed: make(chan struct{}), hook: make(chan struct{}, 1)}
	if o.UserKey != "" {
		key, err := openUserKey(o.UserKey)
		if err != nil {
			return nil, err
		}
		c.key = key
	}
	nc, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	c.nc = nc
	if c.key != nil {
		c.key.conn.Store(nc)
	}
	if err := checkVersion(nc.ConnectedServerVersion()); err != nil {
		nc.Close()
		return nil, err
	}
	if c.js, err = jetstream.New(nc, jetstream.WithDefaultTimeout(o.Timeout)); err != nil {
		nc.Close()
		return nil, fault.New(fault.BusNoJetstream, "", err)
	}
	if err := c.checkJetStream(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	m, err := newMux(nc)
	if err != nil {
		nc.Close()
		return nil, busFault("connect to "+c.address(), err)
	}
	c.mux = m
	c.refused.tell(m)
	nc.SetReconnectHandler(c.onReconnect)
	if o.OnReconnect != nil {
		c.hooks.Go(c.callHooks)
	}
	return c, nil
}

func (c *Conn) dial(ctx context.Context) (*nats.Conn, error) {
	pause := 50 * time.Millisecond
	for {
		nc, err := nats.Connect(c.opts.URL, c.natsOptions()...)
		if err == nil {
			return nc, nil
		}
		if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) {
			return nil, fault.New(fault.BusDenied, "connect to "+c.address(), err)
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, time.Second)
		case <-ctx.Done():
			return nil, fault.New(fault.BusUnreachable, "connect to "+c.address(), err)
		}
	}
}

func (c *Conn) natsOptions() []nats.Option {
	o := []nats.Option{
		nats.Name(c.opts.Name),
		nats.Timeout(2 * time.Second),
		nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(reconnectDelay),
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(c.onDisconnect),
		nats.ErrorHandler(c.onError),
	}
	if c.opts.InProcess != nil {
		o = append(o, nats.InProcessServer(c.opts.InProcess))
	}
	if c.opts.User != "" {
		o = append(o, nats.UserInfo(c.opts.User, c.opts.Password))
	}
	if c.opts.Creds != "" {
		o = append(o, nats.UserCredentials(c.opts.Creds))
	}
	if c.key != nil {
		o = append(o, c.key.option())
	}
	if c.opts.InboxPrefix != "" {
		o = append(o, nats.CustomInboxPrefix(c.opts.InboxPrefix))
	}
	return o
}

// reconnectDelay grows from 20 ms to 1 s over the rounds through all addresses.
func reconnectDelay(rounds int) time.Duration {
	return min(20*time.Millisecond<<min(max(rounds-1, 0), 10), time.Second)
}

func (c *Conn) onDisconnect(_ *nats.Conn, err error) {
	select {
	case <-c.closed:
		return
	default:
	}
	c.log.Warn("connection to the broker lost", "broker", c.address(), "error", err)
}

func (c *Conn) onReconnect(*nats.Conn) {
	c.log.Info("connection to the broker is back", "broker", c.address())
	c.mux.lose()
	c.back.fire()
	select {
	case c.hook <- struct{}{}:
	default:
	}
}

// callHooks calls OnReconnect, outside of the client's own callbacks, until the
// connection is closed.
func (c *Conn) callHooks() {
	for {
		select {
		case <-c.hook:
			c.opts.OnReconnect()
		case <-c.closed:
			return
		}
	}
}

func (c *Conn) onError(_ *nats.Conn, s *nats.Subscription, err error) {
	if subject, ok := refusedPublish(err); ok {
		c.refused.note(subject)
	}
	if s != nil {
		c.log.Warn("broker reports an error", "error", err, "subject", s.Subject)
		return
	}
	c.log.Warn("broker reports an error", "error", err)
}

// Close sends what is still buffered and closes the connection. It waits for
// the broker for at most 2 seconds. Further calls return what the first did.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		close(c.closed)
		if c.nc.IsConnected() {
			if err := c.nc.FlushTimeout(2 * time.Second); err != nil &&
				!errors.Is(err, nats.ErrConnectionClosed) {
				c.closeErr = fault.New(fault.BusTimeout, "flush before closing", err)
			}
		}
		c.nc.Close()
		c.hooks.Wait()
	})
	return c.closeErr
}

// Connected reports whether the broker is reachable right now.
func (c *Conn) Connected() bool { return c.nc.IsConnected() }

// Server returns the version of the broker and the address it is reached at,
// without credentials. Both are empty while the connection is lost.
func (c *Conn) Server() (version, url string) {
	return c.nc.ConnectedServerVersion(), c.nc.ConnectedUrlRedacted()
}

// withTimeout bounds ctx by the connection's timeout when it has no deadline.
func (c *Conn) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.opts.Timeout)
}

// reconnects calls those who want to know that the connection was lost and is
// back.
type reconnects struct {
	mu   sync.Mutex
	next int
	fns  map[int]func()
}

// notify has fn called at each reconnection until stop is called. fn must not
// block.
func (r *reconnects) notify(fn func()) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fns == nil {
		r.fns = map[int]func(){}
	}
	r.next++
	id := r.next
	r.fns[id] = fn
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.fns, id)
	}
}

func (r *reconnects) fire() {
	r.mu.Lock()
	fns := slices.Collect(maps.Values(r.fns))
	r.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}
