package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

var (
	hostileRequests = flag.Int("hostile.requests", 25, "how many odd requests each route gets")
	hostileSeed     = flag.Uint64("hostile.seed", 1, "of the odd requests")
)

// odd are values that have broken other servers.
var odd = []string{
	"", "..", "%2e%2e", "a/../../b", "%00", "\x00", "%ff", "ü", "*", ">", "a.b", "null", "-1", "0", "1e309",
	"99999999999999999999999", "{}", "[]", `"`, `\`, "'; drop table jobs; --", "${jndi:ldap://x}", "<script>",
	"a\tb", "%0d%0aX: y", "sha256:" + strings.Repeat("f", 64), strings.Repeat("a", 300), "a,b,,c", "=", "W/\"1\"",
}

// oddHeaders are those that some route reads.
var oddHeaders = []string{
	"Accept", "Content-Type", "Content-Encoding", "If-Match", "If-None-Match", "Range", "Idempotency-Key",
	"Last-Event-Id", "Millrace-Tenant", "Millrace-From-Job", "X-Request-Id", "Tus-Resumable", "Upload-Length",
	"Upload-Offset", "Upload-Metadata", "Upload-Checksum", "Upload-Defer-Length", "Origin", "Traceparent", "Authorization",
}

// hostile makes odd requests, the same for the same seed.
type hostile struct {
	*rand.Rand
	names map[string]string
}

func (h *hostile) odd() string { return odd[h.IntN(len(odd))] }

// request makes a request for a route of which some parts are odd.
func (h *hostile) request(r routeCase) *http.Request {
	path, query, _ := strings.Cut(fill(r.ask, h.names), "?")
	if h.IntN(3) == 0 {
		parts := strings.Split(path, "/")
		parts[h.IntN(len(parts))] = h.odd()
		path = strings.Join(parts, "/")
	}
	values, _ := url.ParseQuery(query)
	for range h.IntN(3) {
		name := []string{"limit", "cursor", "after", "types", "pipeline", "state", "reason", "job", "digest", h.odd()}[h.IntN(10)]
		values.Set(name, h.odd())
	}
	method := r.method
	if h.IntN(10) == 0 {
		method = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"}[h.IntN(9)]
	}
	req := httptest.NewRequest(method, "/", strings.NewReader(h.body(r.body)))
	req.URL = &url.URL{Path: path, RawQuery: values.Encode()}
	if h.IntN(10) == 0 {
		req.URL.RawQuery = h.odd()
	}
	req.Host = "localhost"
	req.Header.Set("Content-Type", events.ContentTypeJSON)
	req.Header.Set("Authorization", "Bearer owner")
	req.Header.Set(api.HeaderTenant, "a")
	for i := 0; i+1 < len(r.headers); i += 2 {
		req.Header.Set(r.headers[i], r.headers[i+1])
	}
	for range h.IntN(4) {
		change := req.Header.Add
		if h.IntN(2) == 0 {
			change = req.Header.Set
		}
		change(oddHeaders[h.IntN(len(oddHeaders))], h.odd())
	}
	if h.IntN(10) == 0 {
		req.ContentLength = int64(h.IntN(1<<20)) - 1 // it says another length than it has
	}
	return req
}

// body changes, cuts or replaces a body.
func (h *hostile) body(body string) string {
	switch h.IntN(5) {
	case 0:
		return h.odd()
	case 1:
		return body[:h.IntN(len(body)+1)]
	case 2:
		if len(body) > 0 {
			b := []byte(body)
			b[h.IntN(len(b))] = byte(h.IntN(256))
			return string(b)
		}
	case 3:
		return strings.Repeat("[", h.IntN(20_000))
	}
	return body
}

// removes is 1 for a route that removes something, which others would miss, else 0.
func removes(r routeCase) int {
	if r.method == http.MethodDelete {
		return 1
	}
	return 0
}

// TestOddRequests asks every route for nonsense: nothing breaks, and every refusal has
// a code.
func TestOddRequests(t *testing.T) {
	t.Parallel()
	w := wholeWorld(t, gateway.Limits{
		CommandTimeout: 20 * time.Millisecond, SubmitTimeout: 5 * time.Second, MaxWait: 20 * time.Millisecond,
	})
	names := make(map[string]string)
	for name, value := range strange {
		names[name] = value
	}
	for name, value := range w.names {
		names[name] = value
	}
	h := &hostile{rand.New(rand.NewPCG(*hostileSeed, 0)), names}
	cases := routeCases()
	slices.SortStableFunc(cases, func(a, b routeCase) int { // what is removed goes last
		return removes(a) - removes(b)
	})
	for _, r := range cases {
		for range *hostileRequests {
			req := h.request(r)
			a := httptest.NewRecorder()
			ctx, cancel := context.WithCancel(t.Context())
			w.Gateway.Handler().ServeHTTP(a, req.WithContext(ctx))
			cancel()
			if a.Code < 400 || req.Method == http.MethodHead {
				continue
			}
			var p events.Problem
			err := json.Unmarshal(a.Body.Bytes(), &p)
			if err != nil || p.Code == "" || p.Code == "internal.bug" || p.Status != a.Code {
				t.Errorf("%s: %s %q %v: %d %s", r.name(), req.Method, req.URL, req.Header, a.Code, a.Body)
			}
		}
	}
	same(t, "it goes on", ask(t, "GET", w.URL+"/readyz", nil).StatusCode, 200)
}

// TestOddBytes sends what is hardly HTTP. The connection is closed, with an answer
// that is no success.
func TestOddBytes(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{RateWindow: 300 * time.Millisecond}})
	post := "POST /v1/artifacts HTTP/1.1\nHost: localhost\n"
	for name, head := range map[string]string{
		"no HTTP":            "hello\n\n",
		"two lengths":        post + "Content-Length: 2\nContent-Length: 3\n\nabc",
		"negative length":    post + "Content-Length: -1\n\n",
		"huge length":        post + "Content-Length: 99999999999999999999\n\n",
		"unknown coding":     post + "Transfer-Encoding: gzip, chunked\n\n0\n\n",
		"bad chunk size":     post + "Transfer-Encoding: chunked\n\nzz\nabc\n0\n\n",
		"chunk overflows":    post + "Transfer-Encoding: chunked\n\nffffffffffffffffff\nabc\n0\n\n",
		"chunk without end":  post + "Transfer-Encoding: chunked\n\n3\nabcdef\n0\n\n",
		"chunks that stop":   post + "Transfer-Encoding: chunked\n\n3\nabc\n",
		"endless line":       "GET /" + strings.Repeat("a", 100<<10) + " HTTP/1.1\nHost: localhost\n\n",
		"many headers":       "GET /livez HTTP/1.1\nHost: localhost\n" + strings.Repeat("X-Many: y\n", 20_000) + "\n",
		"space before colon": "GET /livez HTTP/1.1\nHost: localhost\nX-Bad : y\n\n",
		"no host":            "GET /livez HTTP/1.1\n\n",
		"two hosts":          "GET /livez HTTP/1.1\nHost: localhost\nHost: example.com\n\n",
		"path out of root":   "GET /../../etc/passwd HTTP/1.1\nHost: localhost\nConnection: close\n\n",
		"zero in the path":   "GET /v1/jobs/%00 HTTP/1.1\nHost: localhost\nConnection: close\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := io.ReadAll(dial(t, w, head)) // a reset is as good as an end
			if strings.HasPrefix(string(got), "HTTP/1.1 501") {
				return // the server does not know that coding
			}
			if len(got) > 0 && (!strings.HasPrefix(string(got), "HTTP/1.1 4") || strings.Contains(string(got), "HTTP/1.1 2")) {
				t.Errorf("answer %.300q", got)
			}
		})
	}
}

// TestEndlessHeaders sends headers without end: as fast as they are taken, and a byte
// now and then. Both connections are closed.
func TestEndlessHeaders(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	for name, c := range map[string]struct {
		line  string
		pause time.Duration
	}{"fast": {"X-Pad: " + strings.Repeat("x", 64<<10) + "\r\n", 0}, "slow": {"x", 200 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, w, "GET /livez HTTP/1.1\nHost: localhost\nX-First: ")
			for sent := 0; sent < 1<<30; sent += len(c.line) {
				if _, err := io.WriteString(conn, c.line); err != nil {
					if errors.Is(err, os.ErrDeadlineExceeded) {
						t.Error("the connection is kept")
					}
					return
				}
				time.Sleep(c.pause)
			}
			t.Error("a GiB of headers was taken")
		})
	}
}
