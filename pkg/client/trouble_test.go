package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
)

func TestBadAddresses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "ftp://x", "http://", "://", "http://a b/", "unix:///x"} {
		if _, err := client.New(client.Config{Server: s}); !fault.Has(err, fault.ClientUnreachable) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, err := client.New(client.Config{Server: "localhost:1", Tenant: "a.b"}); !fault.Has(err, fault.HTTPBadRequest) {
		t.Errorf("bad tenant: %v", err)
	}
	c := connect(t, client.Config{Server: "user:secret@localhost:1/base/"})
	same(t, "address without credentials", c.Server(), "http://localhost:1/base")
}

// deadAddress returns an address at which nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	c := connect(t, client.Config{Server: "http://user:secret@" + deadAddress(t), Tries: 2, Patience: time.Millisecond})
	_, err := c.Submit(t.Context(), "p", aFile())
	if !fault.Has(err, fault.ClientUnreachable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("submit: %v", err)
	}
	if _, err := c.Wait(t.Context(), "x"); !fault.Has(err, fault.ClientUnreachable) {
		t.Errorf("wait: %v", err)
	}
	for _, err := range c.Watch(t.Context(), "x", 0) {
		if !fault.Has(err, fault.ClientUnreachable) {
			t.Errorf("watch: %v", err)
		}
	}
	if err := c.Ready(t.Context()); !fault.Has(err, fault.ClientUnreachable) {
		t.Errorf("ready: %v", err)
	}
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	c := connect(t, client.Config{Server: deadAddress(t), Patience: -1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Submit(ctx, "p", aFile())
	if !errors.Is(err, context.Canceled) || !fault.Has(err, fault.ClientInterrupted) {
		t.Errorf("submit: %v", err)
	}
	why, stop := context.WithCancelCause(t.Context())
	stop(fault.New(fault.CliInterrupted, "ctrl-c", nil))
	if _, err := c.Wait(why, "x"); !fault.Has(err, fault.CliInterrupted) {
		t.Errorf("wait: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	for _, err := range c.Watch(short, "x", 0) {
		if err == nil {
			t.Error("an event from nowhere")
		}
	}
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	var answer func(w http.ResponseWriter)
	_, c := newFlaky(t, func(_ int, w http.ResponseWriter, _ *http.Request) { answer(w) })
	for _, x := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		code   fault.Code
	}{
		{"a web site", func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) }, fault.ClientBadAnswer},
		{"a redirect", func(w http.ResponseWriter) { w.Header().Set("Location", "/login"); w.WriteHeader(302) }, fault.ClientBadAnswer},
		{"a plain 404", func(w http.ResponseWriter) { w.WriteHeader(404) }, fault.ClientBadAnswer},
		{"a proxy", func(w http.ResponseWriter) { w.WriteHeader(502) }, fault.ClientUnreachable},
		{"a broken problem", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(400)
			_, _ = w.Write([]byte("{"))
		}, fault.ClientBadAnswer},
		{"an answer cut short", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		}, fault.ClientInterrupted},
	} {
		answer = x.answer
		if _, err := c.Job(t.Context(), "x"); !fault.Has(err, x.code) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}

func TestWhatIsRepeated(t *testing.T) {
	t.Parallel()
	busy := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(503)
		_, _ = w.Write([]byte(`{"code":"http.too_busy","class":"rate_limited","status":503}`))
	}
	cut := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	for _, x := range []struct {
		name  string
		fail  func(http.ResponseWriter)
		call  func(*client.Client) error
		tries int
	}{
		{"a read, cut", cut, func(c *client.Client) error { _, err := c.Job(t.Context(), "x"); return err }, 4},
		{"a submission, cut", cut, func(c *client.Client) error { _, err := c.Submit(t.Context(), "p", aFile()); return err }, 4},
		{"a cancel, cut", cut, func(c *client.Client) error { _, err := c.Cancel(t.Context(), "x", ""); return err }, 4},
		{"a retry, cut", cut, func(c *client.Client) error { _, err := c.Retry(t.Context(), "x", ""); return err }, 1},
		{"a retry, busy", busy, func(c *client.Client) error { _, err := c.Retry(t.Context(), "x", ""); return err }, 4},
	} {
		f, c := newFlaky(t, func(_ int, w http.ResponseWriter, _ *http.Request) { x.fail(w) })
		if err := x.call(c); err == nil {
			t.Errorf("%s: no error", x.name)
		}
		same(t, x.name, len(f.requests()), x.tries)
	}
}

func TestOddStreams(t *testing.T) {
	t.Parallel()
	const record = `{"type":"job.accepted","revision":1}`
	for _, x := range []struct {
		name, stream string
		want         []string
		code         fault.Code
	}{
		{"plain", "id: 1\nevent: job.accepted\ndata: " + record + "\n\nevent: end\ndata: {}\n\n", []string{"job.accepted", "end"}, ""},
		{
			"carriage returns, no spaces, comments, other fields",
			": hi\r\n\r\nretry:10\r\n\r\nid:1\r\nevent:job.accepted\r\ndata:" + record + "\r\n\r\nevent: end\ndata: {}\n\n",
			[]string{"job.accepted", "end"},
			"",
		},
		{
			"a line in two", "id: 1\nevent: job.accepted\ndata: {\"type\":\"job.accepted\",\ndata: \"revision\":1}\n\nevent: end\ndata: {}\n\n",
			[]string{"job.accepted", "end"},
			"",
		},
		{
			"a repeated event", strings.Repeat("id: 1\nevent: job.accepted\ndata: "+record+"\n\n", 3) + "event: end\ndata: {}\n\n",
			[]string{"job.accepted", "end"},
			"",
		},
		{"a kind from the future", "event: weather\ndata: sunny\n\nevent: end\ndata: {}\n\n", []string{"end"}, ""},
		{"no data", "event: end\n\nevent: end\ndata: {}\n\n", []string{"end"}, ""},
		{"rubbish", "id: 1\nevent: job.accepted\ndata: rubbish\n\n", nil, fault.ClientBadAnswer},
		{"a strange id", "id: x\nevent: job.accepted\ndata: {}\n\n", nil, fault.ClientBadAnswer},
		{"endless", "data: " + strings.Repeat("x", 5<<20) + "\n\n", nil, fault.ClientBadAnswer},
		{"cut", "id: 1\nevent: job.accepted\ndata: {", nil, fault.ClientInterrupted},
	} {
		_, c := newFlaky(t, func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, x.stream) })
		c = connect(t, client.Config{Server: c.Server(), Patience: time.Millisecond})
		var got []string
		for e, err := range c.Watch(t.Context(), "x", 0) {
			if err != nil {
				if !fault.Has(err, x.code) {
					t.Errorf("%s: %v", x.name, err)
				}
				break
			}
			got = append(got, e.Type)
		}
		same(t, x.name, got, x.want)
	}
}
