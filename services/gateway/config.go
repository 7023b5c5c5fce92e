package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/pkg/identity"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/pressure"
	"github.com/millrace/millrace/pkg/registry"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/telemetry"
	"github.com/millrace/millrace/pkg/tracing"
)

// Artifacts is what the gateway needs of the store. [artifact.Store] provides it.
type Artifacts interface {
	Put(ctx context.Context, r io.Reader, o *artifact.PutOptions) (events.File, error)
	Create(ctx context.Context, o *artifact.PutOptions) *artifact.Writer
	Resume(ctx context.Context, st artifact.State, o *artifact.PutOptions) (*artifact.Writer, error)
	Stat(ctx context.Context, digest string) (size int64, err error)
	OpenRange(ctx context.Context, digest string, offset, length int64) (io.ReadCloser, error)
	Grant(ctx context.Context, tenant, digest string) error
	Granted(ctx context.Context, tenant, digest string) (bool, error)
}

// Pipelines is what the gateway needs of the pipelines. [registry.Registry]
// provides it.
type Pipelines interface {
	Check(file string, src []byte) (*pipeline.Definition, []pipeline.Diagnostic)
	ApplyBy(ctx context.Context, tenant string, src []byte, by string) (*pipeline.Definition, bool, error)
	Current(ctx context.Context, tenant, name string) (*pipeline.Definition, error)
	Version(ctx context.Context, tenant, digest string) (*pipeline.Definition, error)
	Versions(ctx context.Context, tenant, name string) ([]registry.Version, error)
	List(ctx context.Context, tenant string) ([]registry.Entry, error)
}

// Lister finds jobs. The projector provides it.
type Lister interface {
	List(ctx context.Context, tenant string, q api.JobQuery) (api.JobPage, error)
}

// Views answers what the list of jobs can be asked besides. The projector provides it.
type Views interface {
	View() api.View
	Rebuild(ctx context.Context) (api.View, error)
	Counts(ctx context.Context, tenant, pipeline string) (api.Counts, error)
	Failures(ctx context.Context, tenant string, q api.StatsQuery) (api.Failures, error)
	Recovery(ctx context.Context, tenant string, q api.StatsQuery) (api.Recoveries, error)
	Throughput(ctx context.Context, tenant string, q api.StatsQuery) (api.Throughput, error)
}

// Limits bound what one request and all of them may use. The zero value holds the
// defaults.
type Limits struct {
	// Upload is the largest upload in bytes. Zero means no limit but the disk.
	Upload int64
	// Uploads is how many uploads run at once; more wait for a moment and are
	// then refused. Zero means 64.
	Uploads int
	// OpenUploads is how many resumable uploads a tenant may have that are not
	// finished. Zero means 100.
	OpenUploads int
	// UploadExpiry is how long a resumable upload may lie still. Zero, and more than
	// a day, mean a day.
	UploadExpiry time.Duration
	// Followers is how many requests wait for a job or follow one. Zero means 4096.
	Followers int
	// MinRate is how many bytes a second a peer must send or take, on average over
	// RateWindow. Zero means 1 KiB/s.
	MinRate int
	// RateWindow is how long a peer may be slower. Zero means 10 seconds.
	RateWindow time.Duration
	// SubmitTimeout is how long a submission waits for the conductor. Zero means
	// 15 seconds.
	SubmitTimeout time.Duration
	// CommandTimeout is how long a command waits for its effect. Zero means 5
	// seconds.
	CommandTimeout time.Duration
	// MaxWait is the longest wait that a client may ask for. Zero means a minute.
	MaxWait time.Duration
	// Heartbeat is how often a quiet stream of events says that it is alive. Zero
	// means 15 seconds.
	Heartbeat time.Duration
	// Grace is how long requests may go on after a stop. Zero means 5 seconds.
	Grace time.Duration
}

// Config is what a gateway is made of. Bus, Store and Pipelines are required.
type Config struct {
	Bus *bus.Conn
	// Streams is what those who follow events read through. Reads through one
	// connection wait for each other, and the log for its disk, so many followers
	// would slow down everybody else. Nil means Bus.
	Streams   *bus.Conn
	Store     Artifacts
	Pipelines Pipelines
	// Stages are listed under /v1/stages.
	Stages []stage.Spec
	// Jobs answers GET /v1/jobs. Nil answers it with http.not_ready.
	Jobs Lister
	// Views answers /v1/stats and /v1/view. Nil answers them with http.not_ready.
	Views Views
	// Operations answers /v1/operations. Nil answers it with http.not_ready.
	Operations Operations
	// Auth tells who makes a request. Nil means that nobody is asked: everybody may
	// do everything, for whichever tenant they say.
	Auth Authenticator
	// Keys answers /v1/keys. Nil answers it with http.not_ready.
	Keys Keys
	// LocalKey is the key of the mill's owner on this machine: it is good for
	// requests from loopback to a gateway that listens there only.
	LocalKey identity.Token
	// TrustLocal takes requests without credentials from this machine, while the
	// gateway listens on loopback only, for those of its owner.
	TrustLocal bool
	// Webhooks answers /v1/webhooks and /v1/deliveries. Nil answers them with
	// http.not_ready.
	Webhooks *endpoints.Store
	// AllowedHosts are names besides loopback that the Host header may have while
	// the gateway listens on loopback, without a port.
	AllowedHosts []string
	// TrustedOrigins are the origins ("https://mill.example.com") whose pages may
	// change something here.
	TrustedOrigins []string
	Limits         Limits
	// Version is what GET /version answers. Empty means what the build knows.
	Version string
	// Pressure says whether there is room for something new. Nil means always.
	Pressure *pressure.Watch
	// Metrics answers GET /metrics. Nil answers it with http.not_ready.
	Metrics http.Handler
	// Meter counts requests. Nil counts nothing.
	Meter *telemetry.HTTP
	// Tracer sends the spans of submissions. Nil sends none.
	Tracer *tracing.Tracer
	// Ready are further checks of GET /readyz, by name.
	Ready map[string]func(context.Context) error
	// Log takes what a person may ask about. Nil discards it.
	Log *slog.Logger
}

func (c *Config) setDefaults() error {
	if c.Bus == nil || c.Store == nil || c.Pipelines == nil {
		return errors.New("gateway: bus, store and pipelines are required")
	}
	if c.Streams == nil {
		c.Streams = c.Bus
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	l := &c.Limits
	defaultTo(&l.Uploads, 64)
	defaultTo(&l.Followers, 4096)
	defaultTo(&l.MinRate, 1<<10)
	defaultTo(&l.RateWindow, 10*time.Second)
	defaultTo(&l.SubmitTimeout, 15*time.Second)
	defaultTo(&l.CommandTimeout, 5*time.Second)
	defaultTo(&l.MaxWait, time.Minute)
	defaultTo(&l.Heartbeat, 15*time.Second)
	defaultTo(&l.Grace, 5*time.Second)
	return nil
}

func defaultTo[T int | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}

// crossOrigin returns the protection against other sites' pages.
func (c *Config) crossOrigin() (*http.CrossOriginProtection, error) {
	p := http.NewCrossOriginProtection()
	for _, origin := range c.TrustedOrigins {
		if err := p.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return p, nil
}
