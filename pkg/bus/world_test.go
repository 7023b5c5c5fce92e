package bus_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
)

// world is a broker and a JetStream client of its own, to do and see things
// that package bus does not offer.
type world struct {
	server *server.Server
	nc     *nats.Conn
	js     jetstream.JetStream
}

func newWorld(t testing.TB, o bustest.ServerOptions) world {
	t.Helper()
	s := bustest.Server(t, o)
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return world{s, nc, js}
}

// runRouter runs r until the test ends.
func runRouter(t testing.TB, r *bus.Router) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	select {
	case <-r.Running():
	case err := <-ended:
		cancel()
		t.Fatalf("run router: %v", err)
	case <-time.After(10 * time.Second):
		cancel()
		t.Fatal("the router does not start")
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run router: %v", err)
		}
	})
}
