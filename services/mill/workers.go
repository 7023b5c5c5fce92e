package mill

import (
	"cmp"
	"context"
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/telemetry"
	"github.com/millrace/millrace/services/stagehost"
)

// workers are stages that share a connection to the broker.
type workers struct {
	name   string
	role   brokeruser.Role
	worker string // names them to others
	stages *stage.Set
}

// workers puts the stages together that share a connection: all of them, or each alone
// where it has a user of its own.
func (m *Mill) workers() ([]workers, error) {
	if m.users == "" {
		return []workers{{name: RoleStages, worker: m.Worker, stages: m.roles.stages}}, nil
	}
	var all []workers
	for _, s := range m.roles.stages.Specs() {
		role := brokeruser.Stage(s.Name)
		if slices.ContainsFunc(all, func(w workers) bool { return w.role == role }) {
			continue // another version of it
		}
		alone, err := m.roles.stages.Only(s.Name)
		if err != nil {
			return nil, fault.New(fault.InternalBug, "stage "+s.Name, err)
		}
		all = append(all, workers{
			name: rolePrefix + s.Name, role: role, stages: alone,
			worker: cmp.Or(m.Worker, stagehost.DefaultWorker()) + "-" + s.Name,
		})
	}
	return all, nil
}

func (m *Mill) startStages(ctx context.Context, running *parts) error {
	all, err := m.workers()
	if err != nil {
		return err
	}
	for _, w := range all {
		if err := m.startWorkers(ctx, running, w); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mill) startWorkers(ctx context.Context, running *parts, w workers) error {
	var back later
	conn, err := m.connect(ctx, w.role, w.name, back.call)
	if err != nil {
		return err
	}
	if m.users == "" {
		for _, s := range w.stages.Specs() {
			if err := conn.ProvisionStage(ctx, s.Name, bus.StageConsumer{AckWait: m.AckWait}); err != nil {
				return err
			}
		}
	}
	kv, err := conn.KV(ctx, events.BucketBreakers)
	if err != nil {
		return err
	}
	h, err := stagehost.New(stagehost.Config{
		Broker: conn, Store: m.store, Stages: w.stages, Slots: m.Slots, Drain: m.Drain,
		CheckpointBytes: m.CheckpointBytes, CheckpointEvery: m.CheckpointEvery,
		Breakers: m.Breakers, Shared: kv, Worker: w.worker, Await: m.disk.Await,
		Meter: m.metrics.Stages, Tracer: m.tracer,
		Scratch: m.scratch, Log: m.Log.With("part", w.name),
	})
	if err != nil {
		return err
	}
	back.set(h.Missed)
	m.metrics.Look(w.name, func(_ context.Context, s *telemetry.Sight) error {
		s.Stages = append(s.Stages, h.Load()...)
		return nil
	})
	r, err := bus.NewRouter(conn, bus.RouterOptions{Log: m.Log.With("part", w.name)})
	if err != nil {
		return err
	}
	if err := h.Register(r); err != nil {
		return err
	}
	watching := make(chan struct{})
	running.start(ctx, w.name+": signals", func(ctx context.Context) error { return h.Watch(ctx, watching) })
	if err := ready(ctx, running, watching); err != nil {
		return err
	}
	running.start(ctx, w.name+": breakers", h.ShareBreakers)
	running.start(ctx, w.name, r.Run)
	return ready(ctx, running, r.Running())
}
