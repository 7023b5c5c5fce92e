package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/jobview"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
	"github.com/millrace/millrace/services/projector"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(withMill{m},
		// The embedded broker keeps one for good.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*stats).track"),
		// The tus handler lets the context of a request live on for a second.
		goleak.IgnoreAnyFunction("github.com/tus/tusd/v2/pkg/handler.newDelayedContext.func1"),
		goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"),
	)
}

// connect returns a client of a server, which closes its connections at the end.
func connect(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// newWorld returns a gateway and a client of it.
func newWorld(t *testing.T, limits gateway.Limits) (*gatewaytest.World, *client.Client) {
	t.Helper()
	w := gatewaytest.New(t, gateway.Config{Limits: limits})
	return w, connect(t, client.Config{Server: w.URL})
}

// withList adds a projector to a world.
func withList(t *testing.T, w *gatewaytest.World) gateway.Lister {
	t.Helper()
	views, err := jobview.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p, err := projector.New(projector.Config{Bus: w.Conn, Views: views, Log: bustest.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("projector: %v", err)
		}
		if err := views.Close(); err != nil {
			t.Error(err)
		}
	})
	<-p.Synced()
	return p
}

// aFile is a submission of one small file.
func aFile() events.Submission {
	return events.Submission{Files: []events.Source{{Name: "hello.txt", Inline: []byte("hello\n")}}}
}

func submit(t *testing.T, c *client.Client) string {
	t.Helper()
	r, err := c.Submit(t.Context(), "keep", aFile())
	if err != nil {
		t.Fatal(err)
	}
	return r.Job
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// soon is a deadline that only a hanging test reaches.
const soon = 30 * time.Second
