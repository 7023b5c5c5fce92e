package operator

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/deadletter"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/rerun"
)

// Lister finds jobs. The projector provides it.
type Lister interface {
	List(ctx context.Context, tenant string, q api.JobQuery) (api.JobPage, error)
}

// Pipelines finds pipeline versions. [registry.Registry] provides it.
type Pipelines interface {
	Current(ctx context.Context, tenant, name string) (*pipeline.Definition, error)
	Version(ctx context.Context, tenant, digest string) (*pipeline.Definition, error)
}

// Config is what an operator is made of. Bus, Jobs, Pipelines and Artifacts are
// required.
type Config struct {
	Bus       *bus.Conn
	Jobs      Lister
	Pipelines Pipelines
	// Artifacts says which results a rerun can count on. [artifact.Store] provides
	// it.
	Artifacts rerun.Artifacts
	// Lease is how long an operation whose operator says nothing stays with it.
	// Zero means 6 seconds.
	Lease time.Duration
	// Look is how often an operator looks at what it does. Zero means 100 ms.
	Look time.Duration
	// Ramp is how long all must go well before the pace doubles. Zero means 2
	// seconds.
	Ramp time.Duration
	// Settle is how long after it took the command a job counts as in flight at
	// most. Zero means 60 seconds.
	Settle time.Duration
	// Patience is how long a command may go without effect. Zero means 60 seconds.
	Patience time.Duration
	// Log takes one line per decision that a person may ask about. Nil discards.
	Log *slog.Logger
}

func (c *Config) setDefaults() error {
	if c.Bus == nil || c.Jobs == nil || c.Pipelines == nil || c.Artifacts == nil {
		return errors.New("operator: bus, jobs, pipelines and artifacts are required")
	}
	for _, d := range []struct {
		value *time.Duration
		zero  time.Duration
	}{
		{&c.Lease, 6 * time.Second},
		{&c.Look, 100 * time.Millisecond},
		{&c.Ramp, 2 * time.Second},
		{&c.Settle, time.Minute},
		{&c.Patience, time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.zero
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Operator accepts operations and, while it runs, carries them out. It is safe for
// concurrent use.
type Operator struct {
	Config
	store *store
	dead  *deadletter.Store
	board *board
}

// New returns an operator that does not run yet. Fault: mill.bad_config.
func New(c Config) (*Operator, error) {
	if err := c.setDefaults(); err != nil {
		return nil, fault.New(fault.MillBadConfig, "", err)
	}
	return &Operator{
		Config: c, store: &store{bus: c.Bus}, dead: deadletter.New(c.Bus), board: newBoard(),
	}, nil
}
