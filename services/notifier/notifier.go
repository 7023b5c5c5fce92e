package notifier

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
	"github.com/millrace/millrace/pkg/telemetry"
	"github.com/millrace/millrace/pkg/webhook"
)

// Config is what a notifier is made of. Bus and Endpoints are required.
type Config struct {
	Bus       *bus.Conn
	Endpoints *endpoints.Store
	// Breakers are those of the process. Nil means new ones.
	Breakers *breaker.Registry
	// Policy says how long and how often an event is sent.
	Policy webhook.Policy
	// InFlight is how many requests to an endpoint are under way at once. Zero means
	// 8; a replay has a quarter of it besides.
	InFlight int
	// Behind is how many jobs of an endpoint may be behind before it reads no
	// further. Zero means 256.
	Behind int
	// Timeout is how long a request may take. Zero means 15 seconds.
	Timeout time.Duration
	// SaveEvery is how old a place may be that is not saved. Zero means 100 ms.
	SaveEvery time.Duration
	// Lease is how long the work of a notifier that says nothing stays with it. Zero
	// means 6 seconds.
	Lease time.Duration
	// Drain is how long requests may go on after a stop. Zero means 1 second.
	Drain time.Duration
	// RootCAs are who may vouch for receivers. Nil means the system's.
	RootCAs *x509.CertPool
	// Meter counts attempts to send events. Nil counts nothing.
	Meter *telemetry.Webhooks
	// Log takes what a person may ask about. Nil discards it.
	Log *slog.Logger
}

// setDefaults fills in what is zero.
func (c *Config) setDefaults() {
	for _, d := range []struct {
		value *time.Duration
		zero  time.Duration
	}{
		{&c.Timeout, 15 * time.Second},
		{&c.SaveEvery, 100 * time.Millisecond},
		{&c.Lease, 6 * time.Second},
		{&c.Drain, time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.zero
		}
	}
	if c.InFlight <= 0 {
		c.InFlight = 8
	}
	if c.Behind <= 0 {
		c.Behind = 256
	}
	if c.Breakers == nil {
		c.Breakers = breaker.New(breaker.Options{Kinds: breaker.Kinds()})
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Policy = c.Policy.WithDefaults()
}

// history is what a lane needs of the log of events. [bus.Conn] provides it.
type history interface {
	Scan(ctx context.Context, s bus.Scan, fn func(*bus.Message) error) error
	Next(ctx context.Context, stream, filter string, from uint64) (*bus.Message, error)
}

// book is what a lane keeps. [endpoints.Store] provides it.
type book interface {
	Lane(ctx context.Context, tenant, endpoint, lane string) (*endpoints.Lane, uint64, error)
	SaveLane(ctx context.Context, tenant, endpoint, lane string, l *endpoints.Lane, revision uint64) (uint64, error)
	Log(ctx context.Context, tenant string, d api.Delivery) error
	Disable(ctx context.Context, tenant, id, address, reason string) error
	EndReplay(ctx context.Context, tenant, id, replay string) error
}

// Notifier sends events. It is safe for concurrent use.
type Notifier struct {
	Config
	history history
	book    book
	client  *http.Client
}

// New returns a notifier that does not run yet. Fault: mill.bad_config.
func New(c Config) (*Notifier, error) {
	if c.Bus == nil || c.Endpoints == nil {
		return nil, fault.New(fault.MillBadConfig, "", errors.New("notifier: bus and endpoints are required"))
	}
	c.setDefaults()
	t := netguard.Transport(netguard.Options{
		Allow: c.Endpoints.Allows, RootCAs: c.RootCAs, HeaderTimeout: c.Timeout,
	})
	return &Notifier{
		Config: c, history: c.Bus, book: c.Endpoints,
		client: &http.Client{
			Transport: t,
			// Where a receiver has moved to is for its tenant to say.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}
