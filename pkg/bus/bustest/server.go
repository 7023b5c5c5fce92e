// Package bustest gives tests a real broker, connections to it, and trouble.
//
// It is for tests only: it imports testing and an embedded nats-server.
package bustest

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/deploy/freeport"
	"github.com/millrace/millrace/pkg/bus"
)

// ServerOptions say what broker a test needs. The zero value is a broker with
// JetStream that keeps its files in the test's own folder and listens to nobody
// but this process.
type ServerOptions struct {
	// StoreDir is used instead of t.TempDir(), to start a broker again on what
	// another left.
	StoreDir string
	// Listen opens a TCP port on loopback.
	Listen bool
	// Port is the TCP port with Listen. Zero picks a free one.
	Port int
	// NoJetStream leaves JetStream out.
	NoJetStream bool
	// SyncAlways syncs every write, as the embedded broker of a mill does.
	SyncAlways bool
	// MaxStore bounds the store, in bytes. Zero means no bound.
	MaxStore int64
	// User and Password are asked of clients when User is set.
	User, Password string
	// Config has the last word on the settings. It may be nil.
	Config func(*server.Options)
}

// Server starts a broker that is shut down when the test ends.
func Server(t testing.TB, o ServerOptions) *server.Server {
	t.Helper()
	s, err := server.NewServer(o.natsOptions(t))
	if err != nil {
		t.Fatalf("make broker: %v", err)
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		t.Fatal("the broker did not start within 10 s")
	}
	t.Cleanup(func() { Shutdown(s) })
	return s
}

// Shutdown stops a broker and waits until it has stopped. It may be called again.
func Shutdown(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func (o ServerOptions) natsOptions(t testing.TB) *server.Options {
	t.Helper()
	dir := o.StoreDir
	if dir == "" && !o.NoJetStream {
		dir = t.TempDir()
	}
	opts := &server.Options{
		ServerName: "bustest", DontListen: !o.Listen, Host: "127.0.0.1", Port: o.Port,
		JetStream: !o.NoJetStream, StoreDir: dir, SyncAlways: o.SyncAlways,
		JetStreamMaxStore: o.MaxStore, NoLog: true, NoSigs: true,
		Username: o.User, Password: o.Password,
	}
	if o.Listen && o.Port == 0 {
		port, err := freeport.Take() // another broker may be started there after this one
		if err != nil {
			t.Fatal(err)
		}
		opts.Port = port
	}
	if o.Config != nil {
		o.Config(opts)
	}
	return opts
}

// Connect opens a connection to s that is closed when the test ends. It
// provisions nothing. What the connection logs goes to the test's log.
func Connect(t testing.TB, s *server.Server) *bus.Conn {
	t.Helper()
	return ConnectWith(t, bus.Options{InProcess: s, Log: Log(t)})
}

// ConnectWith is Connect with options.
func ConnectWith(t testing.TB, o bus.Options) *bus.Conn {
	t.Helper()
	c, err := bus.Connect(t.Context(), o)
	if err != nil {
		t.Fatalf("connect to the broker: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Logf("close connection: %v", err)
		}
	})
	return c
}

// Conn starts a broker of its own, provisions everything a mill needs and
// returns a connection. Both end with the test.
func Conn(t testing.TB) *bus.Conn {
	t.Helper()
	c := Connect(t, Server(t, ServerOptions{}))
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatalf("provision: %v", err)
	}
	return c
}

// Log returns a logger that writes warnings and worse to the test's log, and
// nothing any more once the test has ended.
func Log(t testing.TB) *slog.Logger {
	w := &testWriter{t: t}
	t.Cleanup(w.end)
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type testWriter struct {
	mu    sync.Mutex
	t     testing.TB
	ended bool
}

func (w *testWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.t.Log(strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}

func (w *testWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}
