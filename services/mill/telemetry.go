package mill

import (
	"context"
	"net"
	"runtime/debug"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/pressure"
	"github.com/millrace/millrace/pkg/telemetry"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/projector"
)

// newMetrics returns what the process measures of itself.
func newMetrics() *telemetry.Metrics {
	b := telemetry.Build{Version: "devel"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return telemetry.New(b)
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return telemetry.New(b)
}

// MetricsURL is the address of the door for those who watch, or empty without one. It is
// known once the mill is ready.
func (m *Mill) MetricsURL() string {
	if m.watchers == nil {
		return ""
	}
	return "http://" + m.watchers.Addr().String()
}

// openMetrics opens the door for those who watch. It is the first part to run and the
// last to end, so that they see a start and a stop.
func (m *Mill) openMetrics(ctx context.Context, running *parts) (err error) {
	if m.MetricsAddr == "" {
		return nil
	}
	if m.watchers, err = net.Listen("tcp", m.MetricsAddr); err != nil {
		return fault.New(fault.MillStartFailed, "listen for metrics", err)
	}
	door := &telemetry.Door{Metrics: m.metrics, Ready: m.health, Log: m.Log.With("part", "metrics")}
	running.start(ctx, "metrics", func(ctx context.Context) error { return door.Run(ctx, m.watchers) })
	return nil
}

// health says whether every role takes work and the broker is there.
func (m *Mill) health() (checks map[string]string, ok bool) {
	select {
	case <-m.ready:
	default:
		return map[string]string{"mill": "it is starting"}, false
	}
	if m.leaving.Load() {
		return map[string]string{"mill": "it is stopping"}, false
	}
	checks, ok = map[string]string{"mill": "ok", "broker": "ok"}, true
	for _, c := range m.conns { // nobody opens another once the mill is ready
		if !c.Connected() {
			checks["broker"], ok = "it cannot be reached", false
		}
	}
	level, _ := m.disk.State()
	checks["disk"] = level.String()
	return checks, ok
}

// lookAround adds what every process can see.
func (m *Mill) lookAround() {
	m.metrics.Look("process", func(_ context.Context, s *telemetry.Sight) error {
		for _, b := range m.Breakers.Statuses() {
			s.Breakers = append(s.Breakers, telemetry.Breaker{Dependency: b.Dependency, State: openness(b.State)})
		}
		level, _ := m.disk.State()
		s.DiskLevel = new(int(level))
		spaces := m.disk.Spaces()
		for _, d := range m.disks() {
			if room, ok := spaces[d.dir]; ok {
				s.Disks = append(s.Disks, telemetry.Disk{Name: d.name, Free: room.Free, Size: room.Total})
			}
		}
		return nil
	})
}

// openness is a state of a circuit as a number.
func openness(s breaker.State) int {
	switch s {
	case breaker.HalfOpen:
		return 1
	case breaker.Open:
		return 2
	}
	return 0
}

// disk is a folder whose disk is watched.
type disk struct{ name, dir string }

func (m *Mill) disks() []disk {
	return []disk{{"data", m.DataDir}, {"artifacts", m.ArtifactDir}, {"published", m.PublishDir}}
}

// watchDisks looks at the room on the disks.
func (m *Mill) watchDisks() *pressure.Watch {
	o := pressure.Options{
		Store: m.ArtifactDir, Low: m.DiskLow, Park: m.DiskPark, Space: m.DiskSpace, Log: m.Log.With("part", "disk"),
	}
	for _, d := range m.disks() {
		o.Dirs = append(o.Dirs, d.dir)
	}
	return pressure.New(o)
}

// lookAtConnection adds whether a part is connected to the broker.
func (m *Mill) lookAtConnection(part string, c *bus.Conn) {
	m.metrics.Look("connection "+part, func(_ context.Context, s *telemetry.Sight) error {
		s.Connections = append(s.Connections, telemetry.Connection{Part: part, Up: c.Connected()})
		return nil
	})
}

// lookAtQueues adds what waits at the broker, and the dead letters.
func (m *Mill) lookAtQueues(c *bus.Conn) {
	m.metrics.Look("queues", func(ctx context.Context, s *telemetry.Sight) error {
		now := time.Now()
		for _, stream := range events.WorkStreams() {
			backlogs, err := c.Backlogs(ctx, stream)
			if err != nil {
				return err
			}
			for _, b := range backlogs {
				s.Consumers = append(s.Consumers, waiting(b, now))
			}
		}
		return nil
	})
	m.metrics.Look("dead letters", func(ctx context.Context, s *telemetry.Sight) error {
		e, err := c.Extent(ctx, events.StreamDead)
		if err == nil {
			s.DeadLetters = &telemetry.DeadLetters{Ever: e.Last, Kept: e.Last + 1 - e.First}
		}
		return err
	})
}

// waiting is what waits for a consumer.
func waiting(b bus.Backlog, now time.Time) telemetry.Consumer {
	c := telemetry.Consumer{
		Name: b.Consumer, Pending: float64(b.Pending), InFlight: float64(b.InFlight),
		Redelivered: float64(b.Redelivered), Served: b.Served(),
	}
	if !b.Oldest.IsZero() {
		c.Oldest = max(now.Sub(b.Oldest), 0)
	}
	return c
}

// lookAtGateway adds what the gateway and the list of jobs know.
func (m *Mill) lookAtGateway(g *gateway.Gateway, jobs *projector.Projector) {
	m.metrics.Look("gateway", func(_ context.Context, s *telemetry.Sight) error {
		v := jobs.View()
		s.View = &telemetry.View{Records: v.Lag, Seconds: v.LagSeconds, Stale: v.Stale}
		s.Gateway = new(telemetry.Gateway)
		s.Gateway.Followers, s.Gateway.Uploads = g.Load()
		return nil
	})
	m.metrics.Look("jobs", func(ctx context.Context, s *telemetry.Sight) error {
		all, err := jobs.Census(ctx)
		for _, c := range all {
			s.Jobs = append(s.Jobs, telemetry.Jobs{Pipeline: c.Pipeline, State: c.State, Count: c.Jobs})
		}
		return err
	})
}
