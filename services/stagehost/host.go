// Package stagehost runs stages. Each stage is an independent durable consumer:
// the host pulls its tasks, as many as it has free slots, keeps them alive while
// they run, publishes what came of them as outcomes, and acknowledges. A failed
// attempt is an outcome like any other; the host decides nothing.
//
// # Crash table
//
//	killed after            | what another host finds, and does
//	------------------------|--------------------------------------------------------------
//	task delivered          | the task again, when the ack wait has passed; it is run
//	stage half done         | the same; the attempt goes on at its last checkpoint
//	outcome published       | the task again; the job's record, or the conductor, knows the
//	                        | attempt is answered: it is dropped, or answered once more in vain
//	task acknowledged       | nothing
//
// A host that stops hands tasks that it has not started to the others at once,
// lets running ones go on for the drain time, and then interrupts and hands over
// those too.
package stagehost

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/telemetry"
	"github.com/millrace/millrace/pkg/tracing"
)

// Broker is what a host needs of the bus besides its consumers. [bus.Conn]
// provides it.
type Broker interface {
	Publish(ctx context.Context, outs ...bus.Out) error
	Last(ctx context.Context, stream, filter string) (*bus.Message, error)
	Send(subject string, header map[string]string, data []byte) error
	Subscribe(subject string, fn func(*bus.Message)) (stop func(), err error)
	Commit(ctx context.Context, out bus.Out) (uint64, error)
	Next(ctx context.Context, stream, filter string, from uint64) (*bus.Message, error)
}

// Config is what a host is made of. Broker, Store and Stages are required.
type Config struct {
	Broker Broker
	Store  *artifact.Store
	Stages *stage.Set
	// Slots is how many attempts of each stage run at once. Zero leaves it to
	// the stage, and then to the number of processors.
	Slots int
	// Drain is how long running attempts may go on after a stop. Zero means
	// 1 second; negative means not at all.
	Drain time.Duration
	// Grace is how long an attempt that was told to stop may take to return.
	// Zero means 3 seconds.
	Grace time.Duration
	// CheckpointBytes is how much work a crash may cost at most, in bytes, where
	// a step does not say so itself. Zero means 16 MiB, negative that no step
	// saves anything.
	CheckpointBytes int64
	// CheckpointEvery is how long an attempt that moves saves nothing at most.
	// Zero means 10 seconds.
	CheckpointEvery time.Duration
	// Breakers are those that the stages use. They say which tasks are taken, of
	// stages whose every task needs the same dependencies. Nil means that all are.
	Breakers *breaker.Registry
	// Shared is where workers tell each other what they make of dependencies; see
	// [Host.ShareBreakers]. Nil means nowhere.
	Shared Shared
	// Await blocks while there is no room to write; no task of a stage that writes is
	// taken before it returns. Stages that write little do not wait, and neither do
	// undos: they make room. Nil never blocks.
	Await func(context.Context) error
	// Scratch is the folder for the scratch folders of attempts. Empty means
	// the system's.
	Scratch string
	// Worker names this process in outcomes. Empty means host name and pid.
	Worker string
	// Meter counts attempts. Nil counts nothing.
	Meter *telemetry.Stages
	// Tracer sends the spans of attempts. Nil sends none.
	Tracer *tracing.Tracer
	// Log takes one line per attempt that failed. Nil discards.
	Log *slog.Logger
	// Middleware wraps every handler; tests use it to repeat and to fail.
	Middleware []bus.Middleware
}

func (c *Config) setDefaults() error {
	if c.Broker == nil || c.Store == nil || c.Stages == nil {
		return errors.New("stagehost: broker, store and stages are required")
	}
	switch {
	case c.Drain == 0:
		c.Drain = time.Second
	case c.Drain < 0:
		c.Drain = time.Nanosecond // the bus takes zero for its own default
	}
	if c.Grace <= 0 {
		c.Grace = 3 * time.Second
	}
	if c.Worker == "" {
		c.Worker = DefaultWorker()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// DefaultWorker is the name of this process: that of its host, and its pid.
func DefaultWorker() string {
	name, _ := os.Hostname()
	return name + "-" + strconv.Itoa(os.Getpid())
}

// Host runs stages. It is safe for concurrent use.
type Host struct {
	Config
	byName map[string][]stage.Stage
	gates  map[string]*gate // by the name of the stage; nil lets all in
	hints  *hints

	mu       sync.Mutex
	running  map[*attempt]struct{}
	stopped  map[jobKey]time.Time // jobs whose cancel signal was seen
	watching time.Time            // since when no cancel signal can have been missed
}

type jobKey struct{ tenant, job string }

// New returns a host that has not started.
func New(c Config) (*Host, error) {
	if err := c.setDefaults(); err != nil {
		return nil, err
	}
	h := &Host{
		Config: c, byName: make(map[string][]stage.Stage),
		gates: make(map[string]*gate), hints: &hints{until: make(map[string]map[string]time.Time)},
		running: make(map[*attempt]struct{}), stopped: make(map[jobKey]time.Time),
	}
	for _, s := range c.Stages.All() {
		name := s.Spec().Name
		h.byName[name] = append(h.byName[name], s)
	}
	for name, versions := range h.byName {
		h.gates[name] = newGate(versions, c.Breakers, h.hints)
	}
	return h, nil
}

// Register adds one consumer per stage to a router, and one for its undos when
// it has any. The router runs and stops them. The consumers must have been
// provisioned.
func (h *Host) Register(r *bus.Router) error {
	for _, s := range h.Subscriptions() {
		if err := r.Add(s); err != nil {
			return err
		}
	}
	return nil
}

// Subscriptions are the host's consumers, for whoever runs them without a router.
func (h *Host) Subscriptions() []bus.Subscription {
	var out []bus.Subscription
	for _, name := range slices.Sorted(maps.Keys(h.byName)) {
		versions := h.byName[name]
		out = append(out, h.subscription(name, versions, events.StageConsumer(name), "work"))
		if compensable(versions) {
			out = append(out, h.subscription(name, versions, events.UndoConsumer(name), "undo"))
		}
	}
	return out
}

func (h *Host) subscription(name string, versions []stage.Stage, durable, word string) bus.Subscription {
	s := bus.Subscription{
		Name: durable, Stream: events.StreamQueue, Durable: durable,
		MaxInFlight: h.slots(versions), Drain: h.Drain, KillGrace: h.Grace,
		Middleware: h.Middleware,
		Handle: func(ctx context.Context, m *bus.Message) error {
			return h.handle(ctx, m, name, word == "undo")
		},
		DeadTenant: func(subject string) string {
			if t, ok := events.Tokens(subject, word, 4); ok {
				return t[1]
			}
			return events.DefaultTenant
		},
	}
	if g := h.gates[name]; g != nil {
		handle := s.Handle
		s.Admit = g.admit
		s.Handle = func(ctx context.Context, m *bus.Message) error {
			defer g.enter()()
			return handle(ctx, m)
		}
	}
	if h.Await != nil && word == "work" && writes(versions) {
		s.Admit = h.parks(s.Admit)
	}
	return s
}

// writes reports whether a version of a stage fills the disk: they share a consumer.
func writes(versions []stage.Stage) bool {
	return slices.ContainsFunc(versions, func(s stage.Stage) bool { return !s.Spec().WritesLittle })
}

// parks makes an Admit that asks for nothing while there is no room to write.
func (h *Host) parks(admit func(context.Context, int) int) func(context.Context, int) int {
	return func(ctx context.Context, free int) int {
		if h.Await(ctx) != nil {
			return 0
		}
		if admit != nil {
			free = admit(ctx, free)
		}
		return free
	}
}

func (h *Host) slots(versions []stage.Stage) int {
	if h.Slots > 0 {
		return h.Slots
	}
	if n := versions[0].Spec().Slots; n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

func compensable(versions []stage.Stage) bool {
	for _, s := range versions {
		if _, ok := s.(stage.Compensator); ok {
			return true
		}
	}
	return false
}
