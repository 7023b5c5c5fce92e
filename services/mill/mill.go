// Package mill puts the services together: a whole mill as one value, or any part
// of one against a broker that others share.
package mill

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/pressure"
	"github.com/millrace/millrace/pkg/registry"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/telemetry"
	"github.com/millrace/millrace/pkg/tracing"
	"github.com/millrace/millrace/pkg/webhook"
)

// Mill is a set of services in one process. Run may be called once.
type Mill struct {
	Config
	stages  *stage.Set
	roles   roles
	scratch string
	users   string // the folder with the keys of the broker's users, or empty
	vault   webhook.Vault
	ready   chan struct{}
	metrics *telemetry.Metrics
	tracer  *tracing.Tracer // nil when nobody wants spans

	broker   *server.Server
	store    *artifact.Store
	conns    []*bus.Conn
	registry *registry.Registry
	disk     *pressure.Watch
	listener net.Listener
	watchers net.Listener // nil without a door for them
	firstKey bool         // this start has made the first key
	leaving  atomic.Bool
}

// New checks a configuration, reads the keys that it names, and returns a mill that
// has not started. Faults: mill.bad_config, crypt.bad_key_file, mill.start_failed.
func New(c Config) (*Mill, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	k, err := c.openKeys()
	if err != nil {
		return nil, err
	}
	stages, err := stage.NewSet(append(builtIn(c, k), c.ExtraStages...)...)
	if err != nil {
		return nil, badConfig(err.Error())
	}
	r, err := parseRoles(c.Roles, stages)
	if err != nil {
		return nil, err
	}
	return &Mill{
		Config: c, stages: stages, roles: r, users: c.usersDir(),
		vault: webhook.NewVault(k.secret), ready: make(chan struct{}),
		metrics: newMetrics(),
	}, nil
}

// Ready is closed when every role takes work.
func (m *Mill) Ready() <-chan struct{} { return m.ready }

// HTTPURL is the gateway's address, or empty without one. It is known once the
// mill is ready.
func (m *Mill) HTTPURL() string {
	if m.listener == nil {
		return ""
	}
	scheme := "http://"
	if m.TLSCert != "" {
		scheme = "https://"
	}
	return scheme + m.listener.Addr().String()
}

// BrokerURL is the broker's address, or empty when it is embedded and closed. It
// is known once the mill is ready.
func (m *Mill) BrokerURL() string {
	switch {
	case m.broker == nil:
		return m.NATSURL
	case m.NATSListen == "":
		return ""
	}
	return m.broker.ClientURL()
}

// Pipelines is where pipeline versions are kept. It is nil before the mill is
// ready, and in a process that may not read them: one that only works, as a user of its
// own.
func (m *Mill) Pipelines() *registry.Registry { return m.registry }

// Run starts the mill and blocks until ctx ends or a service fails; then it stops
// everything in order and returns. It raises the GOMAXPROCS of the process above the number
// of cores, unless the environment sets it. Faults: mill.start_failed,
// mill.data_dir_in_use and those of the bus.
func (m *Mill) Run(ctx context.Context) (err error) {
	useProcs()
	scratch, err := m.makeDirs()
	if err != nil {
		return err
	}
	m.scratch = scratch
	if m.NATSURL == "" {
		unlock, err := lockDir(m.DataDir)
		if err != nil {
			return err
		}
		defer unlock()
		if m.broker, err = startBroker(m.Config); err != nil {
			return err
		}
		defer m.stopBroker()
	}
	if err := m.openStore(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.stages.Close(), m.store.Close()) }()
	defer func() { err = errors.Join(err, m.closeConns()) }()

	closeTracer, err := m.openTracer(ctx)
	if err != nil {
		return err
	}
	defer closeTracer()
	running := newParts()
	if err = m.startAll(ctx, running); err == nil {
		close(m.ready)
		err = running.wait(ctx)
	}
	m.leaving.Store(true)
	return errors.Join(err, running.stop())
}

func (m *Mill) stopBroker() {
	m.broker.Shutdown()
	m.broker.WaitForShutdown()
}

func (m *Mill) openStore() error {
	d, err := fsstore.New(m.ArtifactDir, &fsstore.Options{
		NoSync: m.Durability == DurabilityRelaxed, Reserve: m.DiskReserve,
	})
	if err != nil {
		return err
	}
	m.store = artifact.New(d, nil)
	return nil
}

// connect opens a connection to the broker for one role, and makes sure of the streams.
// Where each role has a user of its own, it waits for them: see startSetup.
func (m *Mill) connect(
	ctx context.Context, role brokeruser.Role, name string, onReconnect func(),
) (*bus.Conn, error) {
	c, err := m.open(ctx, role, name, onReconnect)
	if err != nil {
		return nil, err
	}
	if m.users != "" {
		return c, m.awaitNeeds(ctx, c, role)
	}
	// Each connection provisions for itself: it then knows how to make again
	// what a broker that was restarted has lost.
	return c, m.provision(ctx, c)
}

// open opens a connection for one role, which is closed when the mill ends.
func (m *Mill) open(
	ctx context.Context, role brokeruser.Role, name string, onReconnect func(),
) (*bus.Conn, error) {
	o := m.busOptions(name, onReconnect)
	if err := m.asUser(&o, role); err != nil {
		return nil, err
	}
	c, err := bus.Connect(ctx, o)
	if err != nil {
		return nil, err
	}
	m.conns = append(m.conns, c)
	m.lookAtConnection(name, c)
	return c, nil
}

// provision makes sure of the streams. A broker that does not answer just then is
// waited for, as one that is not there yet.
func (m *Mill) provision(ctx context.Context, c *bus.Conn) error {
	for {
		err := c.Provision(ctx, bus.Streams{
			Replicas: m.Replicas, Retention: m.Retention, AckWait: m.AckWait, Derived: m.Derived,
		})
		if !fault.Has(err, fault.BusTimeout) && !fault.Has(err, fault.BusUnreachable) {
			return err
		}
		m.Log.Warn("the broker does not answer; waiting for it", "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

func (m *Mill) busOptions(name string, onReconnect func()) bus.Options {
	o := bus.Options{
		URL: m.NATSURL, Name: "millrace-" + name, Log: m.Log.With("part", name),
		User: m.NATSUser, Password: m.NATSPassword, Creds: m.NATSCreds, OnReconnect: onReconnect,
	}
	if m.broker != nil {
		o.InProcess = m.broker
	}
	return o
}

// Connect opens a connection to the mill's broker, for programs that have a mill
// inside. The mill must be ready; the caller closes the connection before Run
// returns.
func (m *Mill) Connect(ctx context.Context, name string) (*bus.Conn, error) {
	return bus.Connect(ctx, m.busOptions(name, nil))
}

func (m *Mill) closeConns() error {
	var errs []error
	for _, c := range m.conns {
		if err := c.Close(); err != nil && !fault.Has(err, fault.BusClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
