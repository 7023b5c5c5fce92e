package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

func TestHostGuard(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{AllowedHosts: []string{"mill.example"}})
	for host, status := range map[string]int{
		"localhost": 200, "localhost:1": 200, "LOCALHOST": 200, "127.0.0.1": 200, "127.0.0.1:80": 200, "[::1]": 200,
		"[::1]:7": 200, "127.3.4.5": 200, "mill.example:7420": 200,
		"evil.example": 421, "evil.example:7420": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421,
		"10.0.0.1": 421, "0.0.0.0": 421, "localhost.": 421,
	} {
		a := ask(t, "GET", w.URL+"/livez", nil, "Host", host)
		if a.StatusCode != status {
			t.Errorf("host %q: status %d, want %d", host, a.StatusCode, status)
		}
		if status == 421 {
			a.problem(t, 421, "http.bad_host")
		}
	}
}

// TestHostGuardIsForLoopback listens on all addresses, as behind a real name.
func TestHostGuardIsForLoopback(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	g, err := gateway.New(gateway.Config{Bus: w.Conn, Store: w.Store, Pipelines: w.Pipelines})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, l) }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	a := ask(t, "GET", "http://127.0.0.1:"+port+"/livez", nil, "Host", "mill.example.com")
	same(t, "status", a.StatusCode, 200)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}

	// Served by another server, the handler goes by the connection.
	s := httptest.NewServer(w.Gateway.Handler())
	defer s.Close()
	ask(t, "GET", s.URL+"/livez", nil, "Host", "mill.example.com").problem(t, 421, "http.bad_host")
}

func TestCrossSite(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{TrustedOrigins: []string{"https://ui.example"}})
	for _, c := range []struct {
		method  string
		headers []string
		refused bool
	}{
		{"POST", nil, false},
		{"POST", []string{"Origin", w.URL}, false},
		{"POST", []string{"Origin", "https://ui.example"}, false},
		{"POST", []string{"Origin", "https://evil.example"}, true},
		{"POST", []string{"Origin", "null"}, true},
		{"POST", []string{"Sec-Fetch-Site", "cross-site"}, true},
		{"POST", []string{"Sec-Fetch-Site", "same-site"}, true},
		{"POST", []string{"Sec-Fetch-Site", "same-origin"}, false},
		{"PUT", []string{"Origin", "https://evil.example"}, true},
		{"GET", []string{"Origin", "https://evil.example"}, false},
	} {
		a := ask(t, c.method, w.URL+"/v1/jobs/x", nil, c.headers...)
		if c.refused {
			a.problem(t, 403, "http.cross_site")
		} else if a.StatusCode == 403 {
			t.Errorf("%s %v was refused", c.method, c.headers)
		}
		if a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Error("it lets other origins read")
		}
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	for _, path := range []string{
		"/assets", "/assets/", "/assets/app.js", "/index.html", "/v2", "/v1/", "/v1/jobs/", "/v1//jobs", "/v1/jobs/../jobs", "/v1/./jobs", "/v1/jobs/a/b/c",
		"/%2e%2e/%2e%2e/etc/passwd", "/v1/jobs/a/events/", "/favicon.ico", "/debug/pprof",
	} {
		ask(t, "GET", w.URL+path, nil).problem(t, 404, "http.not_found")
	}
	for _, c := range []struct{ method, path, allow string }{
		{"DELETE", "/v1/jobs", "GET, HEAD, POST, OPTIONS"},
		{"POST", "/v1/jobs/x", "GET, HEAD, OPTIONS"},
		{"GET", "/v1/jobs/x/cancel", "POST, OPTIONS"},
		{"PATCH", "/v1/pipelines/x", "GET, HEAD, PUT, OPTIONS"},
		{"GET", "/v1/pipelines:check", "POST, OPTIONS"},
		{"BREW", "/livez", "GET, HEAD, OPTIONS"},
	} {
		a := ask(t, c.method, w.URL+c.path, nil)
		a.problem(t, 405, "http.method_not_allowed")
		same(t, "allow", a.Header.Get("Allow"), c.allow)
	}
	a := ask(t, "OPTIONS", w.URL+"/v1/jobs", nil)
	same(t, "OPTIONS", []any{a.StatusCode, a.Header.Get("Allow")}, []any{204, "GET, HEAD, POST, OPTIONS"})

	var index api.Index
	ask(t, "GET", w.URL+"/v1", nil).into(t, 200, &index)
	if len(index.Routes) < 15 {
		t.Errorf("index %+v", index)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	a := ask(t, "GET", w.URL+"/livez", nil, "X-Request-Id", "mine.7")
	same(t, "kept", a.Header.Get("X-Request-Id"), "mine.7")
	for _, bad := range []string{"", "a b", strings.Repeat("x", 65), "ü"} {
		a := ask(t, "GET", w.URL+"/livez", nil, "X-Request-Id", bad)
		if got := a.Header.Get("X-Request-Id"); got == bad || len(got) != 36 {
			t.Errorf("%q became %q", bad, got)
		}
	}
}

func TestLargeHeader(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	a := ask(t, "GET", w.URL+"/livez", nil, "X-Padding", strings.Repeat("x", 64<<10))
	same(t, "status", a.StatusCode, http.StatusRequestHeaderFieldsTooLarge)
}

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	c := dial(t, w, strings.Repeat("POST /v1/jobs HTTP/1.1\nHost: localhost\nContent-Type: application/json\nContent-Length: 2\n\n{}", 3)+
		"GET /livez HTTP/1.1\nHost: localhost\nConnection: close\n\n")
	got, err := io.ReadAll(c)
	if err != nil || strings.Count(string(got), "HTTP/1.1 400") != 3 || strings.Count(string(got), "HTTP/1.1 200") != 1 {
		t.Errorf("%v %s", err, got)
	}
}

// panicking is a list that breaks.
type panicking struct{}

func (panicking) List(context.Context, string, api.JobQuery) (api.JobPage, error) {
	panic("a secret of the inside")
}

func TestPanicIsAProblem(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Jobs: panicking{}})
	a := ask(t, "GET", w.URL+"/v1/jobs", nil)
	a.problem(t, 500, "internal.bug")
	if strings.Contains(string(a.body), "secret") || strings.Contains(string(a.body), ".go") {
		t.Errorf("the answer tells too much: %s", a.body)
	}
	same(t, "the gateway goes on", ask(t, "GET", w.URL+"/livez", nil).StatusCode, 200)
}

func TestAbout(t *testing.T) {
	t.Parallel()
	broken := errors.New("on fire")
	var failing error
	w := gatewaytest.New(t, gateway.Config{
		Version: "1.2.3",
		Ready:   map[string]func(context.Context) error{"disk": func(context.Context) error { return failing }},
	})
	var v api.Version
	ask(t, "GET", w.URL+"/version", nil).into(t, 200, &v)
	same(t, "version", v.Version, "1.2.3")
	var h api.Health
	ask(t, "GET", w.URL+"/readyz", nil).into(t, 200, &h)
	same(t, "ready", h, api.Health{Status: "ok", Checks: map[string]string{"broker": "ok", "disk": "ok"}})
	failing = broken
	p := ask(t, "GET", w.URL+"/readyz", nil).problem(t, 503, "http.not_ready")
	if !strings.Contains(p.Detail, "disk") || !strings.Contains(p.Detail, "on fire") {
		t.Errorf("detail %q", p.Detail)
	}
	failing = nil
	w.Server.Shutdown()
	eventually(t, "not ready", func() error {
		if s := ask(t, "GET", w.URL+"/readyz", nil).StatusCode; s != 503 {
			return fmt.Errorf("status %d", s)
		}
		return nil
	})
	same(t, "alive without a broker", ask(t, "GET", w.URL+"/livez", nil).StatusCode, 200)

	var list api.StageList
	ask(t, "GET", w.URL+"/v1/stages", nil).into(t, 200, &list)
	same(t, "stages", len(list.Stages), 1)
	for _, name := range []string{"noop", "noop@1"} {
		var s api.Stage
		ask(t, "GET", w.URL+"/v1/stages/"+name, nil).into(t, 200, &s)
		same(t, "stage", s.Summary, "Does nothing.")
	}
	for _, name := range []string{"nope", "noop@2", "noop@"} {
		ask(t, "GET", w.URL+"/v1/stages/"+name, nil).problem(t, 404, "stage.unknown")
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	if _, err := gateway.New(gateway.Config{}); err == nil {
		t.Error("a gateway of nothing")
	}
	w := gatewaytest.New(t, gateway.Config{})
	_, err := gateway.New(gateway.Config{
		Bus: w.Conn, Store: w.Store, Pipelines: w.Pipelines, TrustedOrigins: []string{"not an origin"},
	})
	if err == nil {
		t.Error("a bad origin")
	}
	for range 2 {
		if err := w.Gateway.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}
