package conductor

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/policy"
	"github.com/millrace/millrace/pkg/telemetry"
	"github.com/millrace/millrace/pkg/tracing"
)

// Broker is what the conductor needs of the bus besides its consumers.
// [bus.Conn] provides it.
type Broker interface {
	Commit(ctx context.Context, o bus.Out) (uint64, error)
	Publish(ctx context.Context, outs ...bus.Out) error
	Last(ctx context.Context, stream, filter string) (*bus.Message, error)
	Acked(ctx context.Context, stream, consumer string) (uint64, error)
	Depth(ctx context.Context, stream string) (uint64, error)
	Pending(ctx context.Context, stream, consumer string) (uint64, error)
	Purge(ctx context.Context, stream, filter string) error
	Scan(ctx context.Context, s bus.Scan, fn func(*bus.Message) error) error
	Send(subject string, header map[string]string, data []byte) error
}

// Pipelines finds pipeline versions. [registry.Registry] provides it.
type Pipelines interface {
	// Current returns the newest version of a pipeline, or pipeline.not_found.
	Current(ctx context.Context, tenant, name string) (*pipeline.Definition, error)
	// Version returns the version with a digest, or pipeline.not_found.
	Version(ctx context.Context, tenant, digest string) (*pipeline.Definition, error)
}

// Rulebook knows the rules of operators. [rulebook.Book] provides it.
type Rulebook interface {
	// Rules are the rules as they are known now. It is asked for every failed
	// attempt and does not wait.
	Rules() *policy.Rules
}

// Config is what a conductor is made of. Broker, Pipelines and Store are
// required.
type Config struct {
	Broker    Broker
	Pipelines Pipelines
	// Store takes the content of inline files and knows those given by digest.
	Store *artifact.Store
	// Rules says what operators want done about failed attempts. Nil means that
	// there are no rules.
	Rules Rulebook
	// CheckURL refuses a source that no fetch stage of this installation would
	// read, so that the submitter learns it at once. Nil refuses nothing.
	CheckURL func(url string) error
	// InFlight is how many inputs of each kind are handled at once. Zero means 256.
	InFlight int
	// Cached is how many live jobs are kept in memory. Zero means 20,000.
	Cached int
	// MaxQueued is how many tasks may be outstanding before no new job is
	// accepted; submissions then wait in the intake, and when that is full
	// submitters are refused. Zero means 50,000.
	MaxQueued uint64
	// MaxTimers is the same for timers: steps that wait for their next attempt,
	// limits on time, and decisions, which nobody works on. Zero means ten times
	// MaxQueued.
	MaxTimers uint64
	// ReconcileEvery is how often live jobs are compared with the queue. Zero
	// means every minute. The comparison also runs at the start.
	ReconcileEvery time.Duration
	// Entropy gives the random number of each decision. Nil means a good source;
	// simulations give one that they can repeat.
	Entropy func() uint64
	// Meter counts what is committed. Nil counts nothing.
	Meter *telemetry.Conductor
	// Tracer sends the spans of jobs. Nil sends none.
	Tracer *tracing.Tracer
	// Log takes one line per decision that a person may ask about. Nil discards.
	Log *slog.Logger
	// Middleware wraps every handler; tests use it to repeat and to fail.
	Middleware []bus.Middleware
}

func (c *Config) setDefaults() error {
	if c.Broker == nil || c.Pipelines == nil || c.Store == nil {
		return errors.New("conductor: broker, pipelines and store are required")
	}
	if c.InFlight <= 0 {
		c.InFlight = 256
	}
	if c.Cached <= 0 {
		c.Cached = 20_000
	}
	if c.MaxQueued == 0 {
		c.MaxQueued = 50_000
	}
	if c.MaxTimers == 0 {
		c.MaxTimers = 10 * c.MaxQueued
	}
	if c.ReconcileEvery <= 0 {
		c.ReconcileEvery = time.Minute
	}
	if c.Entropy == nil {
		c.Entropy = rand.Uint64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Conductor moves jobs. It is safe for concurrent use.
type Conductor struct {
	Config
	jobs  *jobCache
	paces paces
	gate  *gate
	nudge chan struct{}
}

// New returns a conductor that has not started.
func New(c Config) (*Conductor, error) {
	if err := c.setDefaults(); err != nil {
		return nil, err
	}
	return &Conductor{
		Config: c, jobs: newJobCache(c.Cached), nudge: make(chan struct{}, 1),
		gate: &gate{broker: c.Broker, limit: c.MaxQueued, timers: c.MaxTimers},
	}, nil
}

// Register adds the conductor's consumers to a router. The router runs and
// stops them.
func (c *Conductor) Register(r *bus.Router) error {
	for _, s := range c.Subscriptions() {
		if err := r.Add(s); err != nil {
			return err
		}
	}
	return nil
}

// Subscriptions are the conductor's consumers, for whoever runs them without a
// router.
func (c *Conductor) Subscriptions() []bus.Subscription {
	var out []bus.Subscription
	for _, s := range []struct {
		stream, durable, word string
		tokens, tenant        int
		handle                bus.Handler
		admit                 func(context.Context, int) int
	}{
		{events.StreamIntake, events.ConsumerIntake, "submit", 2, 0, c.handleSubmission, c.gate.admit},
		{events.StreamOutcomes, events.ConsumerOutcomes, "outcome", 4, 1, c.handleOutcome, nil},
		{events.StreamControl, events.ConsumerControl, "control", 2, 0, c.handleCommand, nil},
		{events.StreamQueue, events.ConsumerDue, "due", 2, 0, c.handleTimer, nil},
	} {
		out = append(out, bus.Subscription{
			Name: s.durable, Stream: s.stream, Durable: s.durable,
			MaxInFlight: c.InFlight, Handle: s.handle, Admit: s.admit, Middleware: c.Middleware,
			DeadTenant: func(subject string) string {
				if t, ok := events.Tokens(subject, s.word, s.tokens); ok {
					return t[s.tenant]
				}
				return events.DefaultTenant
			},
		})
	}
	return out
}
