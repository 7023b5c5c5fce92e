package mill

import (
	"context"

	"github.com/millrace/millrace/pkg/brokeruser"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/services/notifier"
)

// endpoints opens the endpoints of webhooks over a connection.
func (m *Mill) endpoints(conn *bus.Conn) *endpoints.Store {
	return endpoints.New(endpoints.Options{
		Bus: conn, Vault: m.vault, AllowPrivateNetworks: m.AllowPrivateNetworks,
	})
}

func (m *Mill) startNotifier(ctx context.Context, running *parts) error {
	conn, err := m.connect(ctx, brokeruser.Notifier, RoleNotifier, nil)
	if err != nil {
		return err
	}
	n, err := notifier.New(notifier.Config{
		Bus: conn, Endpoints: m.endpoints(conn), Breakers: m.Breakers, Drain: m.Drain, Meter: m.metrics.Webhooks,
		Log: m.Log.With("part", RoleNotifier),
	})
	if err != nil {
		return err
	}
	up := make(chan struct{})
	running.start(ctx, RoleNotifier, func(ctx context.Context) error { return n.Run(ctx, up) })
	return ready(ctx, running, up)
}
