package mill

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

const (
	// needsPause is how often it is looked whether what others make is there.
	needsPause = 200 * time.Millisecond
	// needsWord is how often it is said that it is not.
	needsWord = 10 * time.Second
	// restoreEvery is how often it is looked whether something has gone.
	restoreEvery = 5 * time.Second
)

// usersDir returns the folder with the keys of the roles when the credentials are one,
// and empty when they are a file, or none.
func (c Config) usersDir() string {
	if info, err := os.Stat(c.NATSCreds); c.NATSCreds != "" && err == nil && info.IsDir() {
		return c.NATSCreds
	}
	return ""
}

// hasKey reports whether this process has the key of a role.
func (m *Mill) hasKey(r brokeruser.Role) bool {
	_, err := os.Stat(filepath.Join(m.users, r.File()))
	return err == nil
}

// asUser gives a connection the key of a role, and the inbox that goes with it. Fault:
// broker.no_key.
func (m *Mill) asUser(o *bus.Options, r brokeruser.Role) error {
	if m.users == "" {
		return nil
	}
	if !m.hasKey(r) {
		return fault.New(fault.BrokerNoKey, string(r)+": there is no "+filepath.Join(m.users, r.File()), nil)
	}
	o.Creds, o.UserKey, o.InboxPrefix = "", filepath.Join(m.users, r.File()), r.Inbox()
	_, o.LeaderReads = r.StageName()
	return nil
}

// awaitNeeds waits until what a role needs is there: another process makes it.
func (m *Mill) awaitNeeds(ctx context.Context, c *bus.Conn, r brokeruser.Role) error {
	var said time.Time
	for {
		err := c.Look(ctx, needsOf(r))
		switch {
		case err == nil:
			return nil
		case !fault.Has(err, fault.BusNotFound) && !fault.Has(err, fault.BusTimeout) && !fault.Has(err, fault.BusUnreachable):
			return err
		case time.Since(said) > needsWord:
			said = time.Now()
			m.Log.Warn("waiting for what a process with the key of the role setup makes", "role", string(r), "error", err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(needsPause):
		}
	}
}

// needsOf is what a role needs and may not make.
func needsOf(r brokeruser.Role) bus.Needs {
	if name, ok := r.StageName(); ok {
		return bus.StageNeeds(name)
	}
	switch r {
	case brokeruser.Conductor:
		return bus.ConductorNeeds()
	case brokeruser.Notifier:
		return bus.Needs{Buckets: []string{events.BucketEndpoints}}
	case brokeruser.Gateway:
		return bus.Needs{Buckets: events.Buckets()}
	}
	return bus.Needs{}
}

// startSetup makes the streams, and the consumers of every stage that this program knows
// or whose key lies in the folder, and makes them again when they have gone. Without the
// key of the role setup it does nothing: another process has it.
func (m *Mill) startSetup(ctx context.Context, running *parts) error {
	if !m.hasKey(brokeruser.Setup) {
		return nil
	}
	again := make(chan struct{}, 1)
	c, err := m.open(ctx, brokeruser.Setup, "setup", func() {
		select {
		case again <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return err
	}
	if err := m.provision(ctx, c); err != nil {
		return err
	}
	names, err := m.stageNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.ProvisionStage(ctx, name, bus.StageConsumer{AckWait: m.AckWait}); err != nil {
			return err
		}
	}
	running.start(ctx, "setup", func(ctx context.Context) error { return m.restore(ctx, c, again) })
	return nil
}

// restore looks now and then, and when the connection is back, whether all is there.
func (m *Mill) restore(ctx context.Context, c *bus.Conn, again <-chan struct{}) error {
	tick := time.NewTicker(restoreEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again:
		case <-tick.C:
		}
		if err := c.Restore(ctx); err != nil && ctx.Err() == nil {
			m.Log.Warn("it cannot be seen whether the streams are there", "error", err)
		}
	}
}

// stageNames lists the stages of this program and those whose keys lie in the folder.
func (m *Mill) stageNames() ([]string, error) {
	var names []string
	for _, s := range m.stages.Specs() {
		names = append(names, s.Name)
	}
	files, err := os.ReadDir(m.users)
	if err != nil {
		return nil, fault.New(fault.MillStartFailed, "read the folder of the broker's users", err)
	}
	for _, f := range files {
		if r, err := brokeruser.FromFile(f.Name()); err == nil {
			if name, ok := r.StageName(); ok {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
