package faultproxy_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/deploy/proof/faultproxy"
)

// TestTrouble makes every kind of trouble, looks at what becomes of a request, and
// wants the next one to pass when the proxy is healed.
func TestTrouble(t *testing.T) {
	t.Parallel()
	for kind, want := range map[faultproxy.Kind]struct{ answered, arrived bool }{
		faultproxy.Latency:      {true, true},
		faultproxy.BlackHole:    {false, false},
		faultproxy.Reset:        {false, true},
		faultproxy.ResetRequest: {false, false},
		faultproxy.SlowClose:    {true, true},
		faultproxy.Truncate:     {false, true},
		faultproxy.Down:         {false, false},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			var arrived atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				arrived.Add(1)
				_, _ = io.WriteString(w, strings.Repeat("x", 1000))
			}))
			defer s.Close()
			p, err := faultproxy.New(s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			addr := p.Addr()
			if err := p.Inject(faultproxy.Fault{Kind: kind, Amount: 100}); err != nil {
				t.Fatal(err)
			}
			limit := time.Minute
			if kind == faultproxy.BlackHole {
				limit = 300 * time.Millisecond
			}
			if err := ask(addr, limit); (err == nil) != want.answered {
				t.Errorf("a request in trouble: %v", err)
			}
			if got := arrived.Load() > 0; got != want.arrived {
				t.Errorf("it arrived: %v, want %v", got, want.arrived)
			}
			if err := p.Heal(); err != nil {
				t.Error(err)
			}
			if err := ask(addr, time.Minute); err != nil {
				t.Errorf("a request after it: %v", err)
			}
		})
	}
}

// TestOpenConnections: trouble meets connections that were there before, and a
// black hole ends with their end.
func TestOpenConnections(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan string, 10)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for b := make([]byte, 100); ; {
			n, err := c.Read(b)
			if err != nil {
				close(heard)
				return
			}
			heard <- string(b[:n])
		}
	}()
	p, err := faultproxy.New(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say := func(word string) {
		if _, err := io.WriteString(c, word); err != nil {
			t.Error(err)
		}
	}
	say("before")
	if got := <-heard; got != "before" {
		t.Errorf("heard %q", got)
	}
	if err := p.Inject(faultproxy.Fault{Kind: faultproxy.BlackHole}); err != nil {
		t.Fatal(err)
	}
	say("meanwhile")
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	if got, ok := <-heard; ok {
		t.Errorf("heard %q out of the black hole", got)
	}
	if err := p.Inject(faultproxy.Fault{Kind: faultproxy.Down}); err != nil {
		t.Fatal(err)
	}
	p.Close()
	p.Close()
	if err := p.Inject(faultproxy.Fault{Kind: faultproxy.Down}); err == nil {
		t.Error("a closed proxy takes faults")
	}
}

func ask(addr string, limit time.Duration) error {
	c := http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get("http://" + addr)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	_, err = io.ReadAll(r.Body)
	return err
}
