package bus_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

// fakeBroker greets like a nats-server of some version and answers pings.
func fakeBroker(t *testing.T, version string) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go greet(c, version)
		}
	}()
	return "nats://" + ln.Addr().String()
}

func greet(c net.Conn, version string) {
	defer func() { _ = c.Close() }()
	_, _ = fmt.Fprintf(c, `INFO {"server_id":"F","version":%q,"headers":true,"max_payload":1048576}`+"\r\n", version)
	in := bufio.NewScanner(c)
	for in.Scan() {
		if strings.HasPrefix(in.Text(), "PING") {
			_, _ = fmt.Fprint(c, "PONG\r\n")
		}
	}
}

func TestConnectRefusesAnOldBroker(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2.9.10", "2.11.99", "1.4.1"} {
		_, err := bus.Connect(t.Context(), bus.Options{URL: fakeBroker(t, version), Log: bustest.Log(t)})
		if !fault.Has(err, fault.BusTooOld) || !strings.Contains(err.Error(), version) {
			t.Errorf("version %s: %v, want bus.too_old with the version", version, err)
		}
	}
}

func TestConnectRefusesABrokerWithoutJetStream(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{NoJetStream: true})
	_, err := bus.Connect(t.Context(), bus.Options{InProcess: s, Log: bustest.Log(t)})
	if !fault.Has(err, fault.BusNoJetstream) {
		t.Fatalf("%v, want bus.no_jetstream", err)
	}
}

func TestConnectTriesUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := bus.Connect(ctx, bus.Options{URL: "nats://joe:secret@127.0.0.1:1", Log: bustest.Log(t)})
	if !fault.Has(err, fault.BusUnreachable) {
		t.Fatalf("%v, want bus.unreachable", err)
	}
	if text := err.Error(); strings.Contains(text, "secret") || !strings.Contains(text, "127.0.0.1:1") {
		t.Errorf("the error shows the wrong part of the address: %v", err)
	}
}

func TestConnectWaitsForTheBroker(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	type result struct {
		c   *bus.Conn
		err error
	}
	got := make(chan result, 1)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	go func() {
		c, err := bus.Connect(t.Context(), bus.Options{URL: url, Log: bustest.Log(t)})
		got <- result{c, err}
	}()
	bustest.Server(t, bustest.ServerOptions{Listen: true, Port: port})
	r := <-got
	if r.err != nil {
		t.Fatal(r.err)
	}
	defer func() { _ = r.c.Close() }()
	version, at := r.c.Server()
	if version != server.VERSION || at != url || !r.c.Connected() {
		t.Errorf("version %s at %s, connected %v", version, at, r.c.Connected())
	}
}

func TestConnectWithWrongCredentials(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true, User: "joe", Password: "secret"})
	at := s.Addr().String()
	_, err := bus.Connect(t.Context(), bus.Options{URL: "nats://joe:wrong@" + at, Log: bustest.Log(t)})
	if !fault.Has(err, fault.BusDenied) || strings.Contains(err.Error(), "wrong") {
		t.Fatalf("%v, want bus.denied without the password", err)
	}
	c := bustest.ConnectWith(t, bus.Options{
		URL: "nats://" + at, User: "joe", Password: "secret", Log: bustest.Log(t),
	})
	if _, url := c.Server(); strings.Contains(url, "secret") {
		t.Errorf("the address shows the password: %s", url)
	}
}

func TestCallsAfterClose(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	tailed := make(chan error, 1)
	up := make(chan struct{})
	go func() {
		tailed <- c.Tail(t.Context(), "x", func(*bus.Message) {}, func() { close(up) })
	}()
	<-up
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	out := bus.Out{Subject: events.ControlSubject("default", "j"), ID: "1"}
	calls := map[string]func() error{
		"publish": func() error { return c.Publish(t.Context(), out) },
		"commit":  func() error { _, err := c.Commit(t.Context(), out); return err },
		"send":    func() error { return c.Send("x", nil, nil) },
		"last":    func() error { _, err := c.Last(t.Context(), events.StreamEvents, "x"); return err },
		"get":     func() error { _, err := c.Get(t.Context(), events.StreamEvents, 1); return err },
		"request": func() error { _, err := c.Request(t.Context(), "x", nil, nil); return err },
		"scan": func() error {
			return c.Scan(t.Context(), bus.Scan{Stream: events.StreamEvents, Follow: true}, nil)
		},
		"subscribe": func() error { _, err := c.Subscribe("x", nil); return err },
		"provision": func() error { return c.Provision(t.Context(), bus.Streams{}) },
		"tail":      func() error { return <-tailed },
	}
	for name, call := range calls {
		if err := call(); !fault.Has(err, fault.BusClosed) {
			t.Errorf("%s after close: %v, want bus.closed", name, err)
		}
	}
	if c.Connected() {
		t.Error("a closed connection says that it is connected")
	}
}
