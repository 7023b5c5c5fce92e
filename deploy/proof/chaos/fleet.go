package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/millrace/millrace/deploy/freeport"
	"github.com/millrace/millrace/deploy/proof/faultproxy"
	"github.com/millrace/millrace/deploy/proof/rig"
	"github.com/millrace/millrace/services/mill"
)

// member is a process of the mill.
type member struct {
	name   string
	config rig.Config
	mill   *rig.Mill
}

// fleet is the mill: processes that can be killed, and proxies before the broker.
type fleet struct {
	broker, front string // addresses
	members       []*member
	links         map[string]*faultproxy.Proxy // to the broker, by process

	mu    sync.Mutex // of what is being killed
	kills int
	// failed counts starts of processes that gave up.
	failed int
}

// roles of the processes besides the broker.
var roles = []struct {
	name, role string
}{
	{"front", mill.RoleGateway},
	{"conductor-1", mill.RoleConductor},
	{"conductor-2", mill.RoleConductor},
	{"worker-1", mill.RoleStages},
	{"worker-2", mill.RoleStages},
	{"worker-3", mill.RoleStages},
}

// names are those of all processes, and links of those that reach the broker through
// a proxy.
func names() (all, links []string) {
	for _, r := range roles {
		links = append(links, r.name)
	}
	return append([]string{"broker"}, links...), links
}

// newFleet makes a fleet of processes that have this in common. None has started.
func newFleet(dir string, common rig.Config) (*fleet, error) {
	f := &fleet{links: make(map[string]*faultproxy.Proxy)}
	var err error
	if f.broker, err = freeport.Address(); err != nil {
		return nil, err
	}
	if f.front, err = freeport.Address(); err != nil {
		return nil, err
	}
	add := func(name, role string) *member {
		m := &member{name: name, config: common}
		m.config.DataDir = filepath.Join(dir, name)
		m.config.LogFile = filepath.Join(dir, name+".log")
		m.config.Roles = []string{role}
		f.members = append(f.members, m)
		return m
	}
	// A door without an address is none: this one is the broker alone.
	add("broker", mill.RoleGateway).config.NATSListen = f.broker
	for _, r := range roles {
		m := add(r.name, r.role)
		link, err := faultproxy.New(f.broker)
		if err != nil {
			return nil, errors.Join(err, f.stop())
		}
		f.links[r.name] = link
		m.config.NATSURL = "nats://" + link.Addr()
		if r.role == mill.RoleGateway {
			m.config.HTTPAddr = f.front
		}
	}
	return f, nil
}

// start starts all processes, the broker first.
func (f *fleet) start() error {
	for _, m := range f.members {
		var err error
		if m.mill, err = rig.Start(m.config); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// kill kills a process and starts it again after a while.
func (f *fleet) kill(ctx context.Context, name string, after time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.members {
		if m.name != name {
			continue
		}
		if _, err := m.mill.Kill(); err != nil {
			return fmt.Errorf("kill %s: %w", name, err)
		}
		m.mill = nil
		f.kills++
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := f.again(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// again starts a process until it comes up, as whoever supervises it would: it gives
// up by itself when the broker does not answer.
func (f *fleet) again(ctx context.Context, m *member) (err error) {
	for range 20 {
		if m.mill, err = rig.Start(m.config); err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f.failed++
	}
	return fmt.Errorf("start %s again: %w", m.name, err)
}

// stop ends the processes in good order, the broker last. One that has ended by
// itself is an error.
func (f *fleet) stop() error {
	var errs []error
	for i := len(f.members) - 1; i >= 0; i-- {
		if m := f.members[i]; m.mill != nil {
			if _, err := m.mill.Stop(); err != nil {
				errs = append(errs, fmt.Errorf("stop %s: %w", m.name, err))
			}
			m.mill = nil
		}
	}
	for _, l := range f.links {
		l.Close()
	}
	return errors.Join(errs...)
}
