package mill

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/jobview"
	"github.com/millrace/millrace/pkg/registry"
	"github.com/millrace/millrace/services/conductor"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/operator"
	"github.com/millrace/millrace/services/projector"
)

// startAll provisions the broker and starts the roles: who decides first, then
// who works, then the door.
func (m *Mill) startAll(ctx context.Context, running *parts) error {
	if err := m.openMetrics(ctx, running); err != nil {
		return err
	}
	if err := m.prepare(ctx, running); err != nil {
		return err
	}
	running.start(ctx, "sweeper", m.sweep)
	m.disk = m.watchDisks()
	m.lookAround()
	running.start(ctx, "disk watch", m.disk.Run)
	if m.roles.conductor {
		if err := m.startConductor(ctx, running); err != nil {
			return err
		}
	}
	if m.roles.stages != nil {
		if err := m.startStages(ctx, running); err != nil {
			return err
		}
	}
	if m.roles.notifier {
		if err := m.startNotifier(ctx, running); err != nil {
			return err
		}
	}
	if m.roles.gateway && m.HTTPAddr != "" {
		return m.startGateway(ctx, running)
	}
	return nil
}

// prepare makes the streams and opens the pipelines. Where each role has a user of its
// own, roles that need the pipelines open them themselves.
func (m *Mill) prepare(ctx context.Context, running *parts) error {
	if m.users != "" {
		return m.startSetup(ctx, running)
	}
	first, err := m.connect(ctx, brokeruser.Setup, "setup", nil)
	if err != nil {
		return err
	}
	return m.openPipelines(ctx, first)
}

// openPipelines opens the pipelines over a connection.
func (m *Mill) openPipelines(ctx context.Context, conn *bus.Conn) error {
	kv, err := conn.KV(ctx, events.BucketPipelines)
	if err != nil {
		return err
	}
	m.registry = registry.New(kv, catalog(m.stages))
	return nil
}

func (m *Mill) startConductor(ctx context.Context, running *parts) error {
	var back later
	conn, err := m.connect(ctx, brokeruser.Conductor, RoleConductor, back.call)
	if err != nil {
		return err
	}
	if m.users != "" {
		if err := m.openPipelines(ctx, conn); err != nil {
			return err
		}
	}
	var commits conductor.Broker = conn
	if m.broker == nil || m.Durability == DurabilityAlways {
		group := bus.NewCommitter(conn)
		running.start(ctx, "group commit", group.Run)
		commits = broker{conn, group}
	}
	rules, err := m.rulebook(ctx, conn)
	if err != nil {
		return err
	}
	if err := rules.Read(ctx); err != nil {
		m.Log.Warn("rules cannot be read yet", "error", err)
	}
	c, err := conductor.New(conductor.Config{
		Broker: commits, Pipelines: m.registry, Store: m.store, Rules: rules, CheckURL: m.checkURL(),
		Meter: m.metrics.Conductor, Tracer: m.tracer,
		ReconcileEvery: m.ReconcileEvery, Log: m.Log.With("part", RoleConductor),
	})
	if err != nil {
		return err
	}
	back.set(c.Nudge)
	m.lookAtQueues(conn)
	r, err := bus.NewRouter(conn, bus.RouterOptions{Log: m.Log.With("part", RoleConductor)})
	if err != nil {
		return err
	}
	if err := c.Register(r); err != nil {
		return err
	}
	running.start(ctx, "rules", rules.Run)
	running.start(ctx, "conductor", r.Run)
	running.start(ctx, "reconciler", c.Reconcile)
	running.start(ctx, "intake keeper", conn.KeepIntake)
	return ready(ctx, running, r.Running())
}

// broker is a connection whose commits are grouped.
type broker struct {
	*bus.Conn
	group *bus.Committer
}

// Commit is that of the group.
func (b broker) Commit(ctx context.Context, o bus.Out) (uint64, error) {
	return b.group.Commit(ctx, o)
}

func (m *Mill) startGateway(ctx context.Context, running *parts) error {
	conn, err := m.connect(ctx, brokeruser.Gateway, RoleGateway, nil)
	if err != nil {
		return err
	}
	streams, err := m.connect(ctx, brokeruser.Gateway, "streams", nil)
	if err != nil {
		return err
	}
	if m.users != "" {
		if err := m.openPipelines(ctx, conn); err != nil {
			return err
		}
	}
	jobs, err := m.startProjector(ctx, running)
	if err != nil {
		return err
	}
	ops, err := operator.New(operator.Config{
		Bus: conn, Jobs: jobs, Pipelines: m.registry, Artifacts: m.store, Log: m.Log.With("part", "operator"),
	})
	if err != nil {
		return err
	}
	c := gateway.Config{
		Bus: conn, Streams: streams, Store: m.store, Stages: m.stages.Specs(), Pipelines: m.registry, Jobs: jobs,
		Operations: ops, Views: jobs, Webhooks: m.endpoints(conn), Pressure: m.disk,
		Metrics: m.metrics.Handler(), Meter: m.metrics.HTTP, Tracer: m.tracer,
		Log: m.Log.With("part", RoleGateway),
	}
	if err := m.guard(ctx, conn, running, &c); err != nil {
		return err
	}
	g, err := gateway.New(c)
	if err != nil {
		return err
	}
	if !m.roles.conductor {
		m.lookAtQueues(conn)
	}
	m.lookAtGateway(g, jobs)
	if m.listener, err = m.listen(); err != nil {
		return err
	}
	running.start(ctx, "operator", ops.Run)
	running.start(ctx, "gateway", func(ctx context.Context) error { return g.Run(ctx, m.listener) })
	return ready(ctx, running, jobs.Ready())
}

// startProjector keeps the list of jobs. A database that cannot be reached keeps
// nothing else from starting.
func (m *Mill) startProjector(ctx context.Context, running *parts) (*projector.Projector, error) {
	conn, err := m.connect(ctx, brokeruser.Gateway, "projector", nil)
	if err != nil {
		return nil, err
	}
	views, err := jobview.Open(m.Views)
	if err != nil {
		return nil, err
	}
	jobs, err := projector.New(projector.Config{Bus: conn, Views: views, Log: m.Log.With("part", "projector")})
	if err != nil {
		return nil, errors.Join(err, views.Close())
	}
	running.start(ctx, "projector", func(ctx context.Context) error {
		err := jobs.Run(ctx)
		return errors.Join(err, views.Close())
	})
	return jobs, nil
}

// later is a function that becomes known after it was handed out. Calls before
// that do nothing.
type later struct{ fn atomic.Pointer[func()] }

func (l *later) set(fn func()) { l.fn.Store(&fn) }

func (l *later) call() {
	if fn := l.fn.Load(); fn != nil {
		(*fn)()
	}
}

// ready waits until a part has said that it is up.
func ready(ctx context.Context, running *parts, up <-chan struct{}) error {
	select {
	case <-up:
		return nil
	case one := <-running.failed:
		<-one.done
		return fault.New(fault.MillStartFailed, one.name, one.err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
