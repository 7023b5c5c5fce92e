package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds how long a script waits for anything.
const patience = time.Minute

// exits runs a program and compares its exit code: exits CODE PROGRAM ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%q exits with %d, want %d", args[1:], got, want)
	}
}

// await waits for a file, and with a second argument for a text in it:
// await FILE [TEXT]. With ! it waits until that is no longer so.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: await FILE [TEXT]")
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		there := err == nil && (len(args) == 1 || strings.Contains(string(data), args[1]))
		if there != neg {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("waited too long for %q", args)
		}
	}
}

// capture puts a line of standard output into a variable: capture NAME [FIELD],
// where FIELD is a top-level string of a JSON object.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: capture NAME [FIELD]")
	}
	value := strings.TrimSpace(ts.ReadFile("stdout"))
	if len(args) == 2 {
		var object map[string]any
		ts.Check(json.Unmarshal([]byte(value), &object))
		text, ok := object[args[1]].(string)
		if !ok {
			ts.Fatalf("%s is no string in %s", args[1], value)
		}
		value = text
	}
	ts.Setenv(args[0], value)
}

// types checks that every line of a file is a JSON object and that they have
// these types, each at least once and no other: types stdout TYPE...
func types(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: types FILE TYPE...")
	}
	var seen []string
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var object struct{ Type string }
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("not JSON: %q: %v", line, err)
		}
		seen = append(seen, object.Type)
	}
	slices.Sort(seen)
	seen = slices.Compact(seen)
	want := slices.Sorted(slices.Values(args[1:]))
	if !slices.Equal(seen, want) {
		ts.Fatalf("types %q, want %q", seen, want)
	}
}

// natsPub is the program nats-pub of the scripts: nats-pub URL SUBJECT TEXT. It
// stores a message in a stream, as a program does that does not use the client.
func natsPub() {
	conn, err := nats.Connect(os.Args[1])
	if err == nil {
		_, err = conn.Request(os.Args[2], []byte(os.Args[3]), patience)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	conn.Close()
}

// natsServer is the program nats-server of the scripts: nats-server FOLDER
// [nojetstream]. It writes its address to FOLDER/url and runs until SIGINT.
func natsServer() {
	dir := os.Args[1]
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, StoreDir: dir, NoSigs: true, NoLog: true,
		JetStream: len(os.Args) < 3 || os.Args[2] != "nojetstream",
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	s.Start()
	if !s.ReadyForConnections(patience) {
		fmt.Fprintln(os.Stderr, "the broker did not start")
		os.Exit(1)
	}
	if err := os.WriteFile(dir+"/url", []byte(s.ClientURL()), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-stop
	s.Shutdown()
	s.WaitForShutdown()
}
