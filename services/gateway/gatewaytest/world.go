// Package gatewaytest gives tests a gateway with everything behind it: a broker, a
// store in memory, pipelines, and a stand-in for the conductor that does what it is
// told.
package gatewaytest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/deploy/freeport"
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/pkg/pipeline"
	"github.com/millrace/millrace/pkg/registry"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/webhook"
	"github.com/millrace/millrace/services/gateway"
)

// Pipeline is the pipeline that a world begins with; its name is "keep".
const Pipeline = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: keep
  description: Keep a file.
spec:
  params:
    type: object
    properties:
      level: { type: integer, default: 1 }
      note: { type: string, default: "" }
    additionalProperties: false
  steps:
    - id: keep
      uses: noop@1
`

// World is a gateway that listens on loopback, and what is behind it.
type World struct {
	Server    *server.Server
	Conn      *bus.Conn
	Store     *artifact.Store
	Pipelines *registry.Registry
	Conductor *Conductor
	Gateway   *gateway.Gateway
	// URL is the gateway's address.
	URL string

	t      testing.TB
	config gateway.Config
	addr   string
	stop   func()
}

// New starts a world that ends with the test. The parts of c that are empty are
// filled in.
func New(t testing.TB, c gateway.Config) *World {
	t.Helper()
	w := &World{t: t, Server: bustest.Server(t, bustest.ServerOptions{Listen: true})}
	w.Conn = bustest.Connect(t, w.Server)
	if err := w.Conn.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatalf("provision: %v", err)
	}
	kv, err := w.Conn.KV(t.Context(), events.BucketPipelines)
	if err != nil {
		t.Fatalf("open bucket: %v", err)
	}
	w.Store = artifact.New(memstore.New(), nil)
	w.Pipelines = registry.New(kv, []pipeline.Stage{{Name: "noop", Version: 1, Compensable: true}})
	_, _, err = w.Pipelines.Apply(t.Context(), events.DefaultTenant, []byte(Pipeline))
	if err != nil {
		t.Fatalf("apply pipeline: %v", err)
	}
	w.Conductor = newConductor(t, w.Conn, w.Pipelines, w.Store)
	c.Bus, c.Log = w.Conn, bustest.Log(t)
	if c.Store == nil {
		c.Store = w.Store
	}
	if c.Pipelines == nil {
		c.Pipelines = w.Pipelines
	}
	if c.Webhooks == nil {
		c.Webhooks = endpoints.New(endpoints.Options{Bus: w.Conn, Vault: webhook.NewVault([32]byte{1})})
	}
	if c.Stages == nil {
		c.Stages = []stage.Spec{{Name: "noop", Version: 1, Summary: "Does nothing."}}
	}
	w.config = c
	addr, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	w.addr = addr
	w.Start()
	t.Cleanup(w.Stop)
	return w
}

// Start starts the gateway, again at the same address after [World.Stop].
func (w *World) Start() {
	w.t.Helper()
	g, err := gateway.New(w.config)
	if err != nil {
		w.t.Fatalf("make gateway: %v", err)
	}
	l, err := net.Listen("tcp", w.addr)
	if err != nil {
		w.t.Fatalf("listen: %v", err)
	}
	w.Gateway, w.URL = g, "http://"+w.addr
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, l) }()
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				w.t.Errorf("gateway: %v", err)
			}
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

// Stop stops the gateway and waits for it. It may be called again.
func (w *World) Stop() { w.stop() }
