package partition_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/services/mill"
)

// silent is a way to the broker on which nothing is heard from the first question
// about streams until it is let go.
type silent struct {
	net.Listener
	to  string
	let chan struct{}
	all sync.WaitGroup
}

func newSilent(t *testing.T, to string) *silent {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &silent{Listener: l, to: to, let: make(chan struct{})}
	s.all.Go(s.serve)
	t.Cleanup(s.all.Wait)
	t.Cleanup(func() { _ = l.Close() })
	return s
}

func (s *silent) serve() {
	for {
		client, err := s.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", s.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		s.all.Go(func() { defer client.Close(); _, _ = io.Copy(client, server) })
		s.all.Go(func() { defer server.Close(); s.ask(server, client) })
	}
}

// ask hands on what the client says.
func (s *silent) ask(server io.Writer, client io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := client.Read(buf)
		if bytes.Contains(buf[:n], []byte("$JS.API.STREAM")) {
			<-s.let
		}
		if _, fail := server.Write(buf[:n]); fail != nil || err != nil {
			return
		}
	}
}

// told closes a channel when a line of the log has a text.
type told struct {
	text string
	once sync.Once
	seen chan struct{}
}

func (w *told) Write(line []byte) (int, error) {
	if strings.Contains(string(line), w.text) {
		w.once.Do(func() { close(w.seen) })
	}
	return len(line), nil
}

// TestStartWithoutAnAnswer: a mill whose broker stops answering just when its
// streams are made waits for it, as it does for one that is not there yet.
func TestStartWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	way := newSilent(t, w.broker)
	waits := &told{text: "waiting for it", seen: make(chan struct{})}
	go func() {
		<-waits.seen
		close(way.let)
	}()
	_, stop := w.start(mill.Config{
		NATSURL: "nats://" + way.Addr().String(), Roles: []string{mill.RoleConductor},
		Log: slog.New(slog.NewTextHandler(waits, nil)),
	}, by("nobody"))
	defer stop()
	select {
	case <-waits.seen:
	default:
		t.Error("it never waited")
	}
}
