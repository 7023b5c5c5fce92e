package gateway_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// maxDashboard is how much the whole dashboard may be, compressed, in bytes.
const maxDashboard = 150_000

// assetPath finds the addresses of files in a page.
var assetPath = regexp.MustCompile(`"(/assets/[^"]+)"`)

// zipped asks for something compressed, and returns it as it came and unpacked.
func zipped(t *testing.T, url string) (a answer, plain []byte) {
	t.Helper()
	a = ask(t, "GET", url, nil, "Accept-Encoding", "br, gzip;q=0.8")
	same(t, "status of "+url, a.StatusCode, 200)
	same(t, "encoding of "+url, a.Header.Get("Content-Encoding"), "gzip")
	r, err := gzip.NewReader(bytes.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return a, plain
}

func TestDashboardIsServed(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	page := ask(t, "GET", w.URL+"/", nil, "Accept-Encoding", "identity")
	same(t, "status", page.StatusCode, 200)
	same(t, "type", page.Header.Get("Content-Type"), "text/html; charset=utf-8")
	same(t, "cache", page.Header.Get("Cache-Control"), "no-cache")
	same(t, "frames", page.Header.Get("X-Frame-Options"), "DENY")
	policy := page.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	if regexp.MustCompile(`<script(?:[^>]*)>[^<]|<style|\son[a-z]+=|https?://`).Match(page.body) {
		t.Errorf("the page has scripts or styles of its own, or asks strangers:\n%s", page.body)
	}
	again := ask(t, "GET", w.URL+"/", nil, "If-None-Match", page.Header.Get("ETag"))
	same(t, "status when it is known", again.StatusCode, 304)
	head := ask(t, "HEAD", w.URL+"/", nil)
	same(t, "HEAD", []any{head.StatusCode, len(head.body)}, []any{200, 0})
	ask(t, "POST", w.URL+"/", nil).problem(t, 405, "http.method_not_allowed")
}

func TestDashboardFiles(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	page, plain := zipped(t, w.URL+"/")
	size := len(page.body)
	paths := assetPath.FindAllSubmatch(plain, -1)
	if len(paths) != 3 {
		t.Fatalf("the page names %q", paths)
	}
	for _, m := range paths {
		url := w.URL + string(m[1])
		a, plain := zipped(t, url)
		size += len(a.body)
		same(t, "cache of "+url, a.Header.Get("Cache-Control"), "public, max-age=31536000, immutable")
		same(t, "vary of "+url, a.Header.Get("Vary"), "Accept-Encoding")
		whole := ask(t, "GET", url, nil, "Accept-Encoding", "gzip;q=0")
		same(t, "the whole of "+url, string(whole.body), string(plain))
		same(t, "status when it is known", ask(t, "GET", url, nil, "If-None-Match", a.Header.Get("ETag")).StatusCode, 304)
		if bytes.Contains(plain, []byte("sourceMappingURL")) || regexp.MustCompile(`(?i)(url\(|import ?\(?|src=)["']?(https?:)?//`).Match(plain) {
			t.Errorf("%s asks strangers", url)
		}
		if bytes.Contains(plain, []byte("innerHTML")) || bytes.Contains(plain, []byte("eval(")) {
			t.Errorf("%s makes markup or code out of text", url)
		}
	}
	if size > maxDashboard {
		t.Errorf("the dashboard is %d bytes, more than %d", size, maxDashboard)
	}
	ask(t, "GET", w.URL+"/assets/app-0123456789abcdef.js", nil).problem(t, 404, "http.not_found")
}
