package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

func TestDownload(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	content := bytesOf(100_000)
	f, err := w.Store.Put(t.Context(), reader(content), nil)
	if err != nil {
		t.Fatal(err)
	}
	u := w.URL + "/v1/artifacts/" + f.Digest
	etag := `"` + f.Digest + `"`

	a := ask(t, "GET", u+"?name=r%C3%A9sum%C3%A9%2Fx%0A.html", nil)
	same(t, "status", a.StatusCode, 200)
	if string(a.body) != string(content) {
		t.Error("other content")
	}
	for name, want := range map[string]string{
		"ETag": etag, "Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff",
		"Cache-Control": "private, max-age=31536000, immutable", "Content-Length": "100000", "Accept-Ranges": "bytes",
		"Content-Security-Policy": "sandbox; default-src 'none'",
	} {
		same(t, name, a.Header.Get(name), want)
	}
	if d := a.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment;") || strings.ContainsAny(d, "\n/") {
		t.Errorf("disposition %q", d)
	}
	a = ask(t, "HEAD", u, nil)
	same(t, "HEAD", []any{a.StatusCode, len(a.body), a.Header.Get("Content-Length")}, []any{200, 0, "100000"})
	a = ask(t, "GET", u, nil, "If-None-Match", `"x", W/`+etag)
	same(t, "not modified", []any{a.StatusCode, len(a.body)}, []any{304, 0})

	for _, c := range []struct {
		rng, ifRange string
		status       int
		from, to     int
		contentRange string
	}{
		{"bytes=0-0", "", 206, 0, 1, "bytes 0-0/100000"},
		{"bytes=10-19", "", 206, 10, 20, "bytes 10-19/100000"},
		{"bytes=99990-", "", 206, 99990, 100000, "bytes 99990-99999/100000"},
		{"bytes=-5", "", 206, 99995, 100000, "bytes 99995-99999/100000"},
		{"bytes=-200000", "", 206, 0, 100000, "bytes 0-99999/100000"},
		{"bytes=5-999999999999999999999", "", 206, 5, 100000, "bytes 5-99999/100000"},
		{"bytes=10-19", etag, 206, 10, 20, "bytes 10-19/100000"},
		{"bytes=10-19", `"other"`, 200, 0, 100000, ""},
		{"bytes=0-1,5-6", "", 200, 0, 100000, ""},
		{"bytes=19-10", "", 200, 0, 100000, ""},
		{"bytes=-", "", 200, 0, 100000, ""},
		{"bytes=a-b", "", 200, 0, 100000, ""},
		{"bytes=+1-2", "", 200, 0, 100000, ""},
		{"lines=1-2", "", 200, 0, 100000, ""},
	} {
		h := []string{"Range", c.rng}
		if c.ifRange != "" {
			h = append(h, "If-Range", c.ifRange)
		}
		a := ask(t, "GET", u, nil, h...)
		same(t, c.rng+" status", a.StatusCode, c.status)
		same(t, c.rng+" range", a.Header.Get("Content-Range"), c.contentRange)
		if string(a.body) != string(content[c.from:c.to]) {
			t.Errorf("%s: other content (%d bytes)", c.rng, len(a.body))
		}
	}
	for _, rng := range []string{"bytes=100000-", "bytes=-0", "bytes=99999999999999999999-"} {
		a := ask(t, "GET", u, nil, "Range", rng)
		a.problem(t, 416, "artifact.bad_range")
		same(t, rng, a.Header.Get("Content-Range"), "bytes */100000")
		same(t, "a problem is not kept", a.Header.Get("Cache-Control"), "no-store")
	}
}

func TestNoSuchArtifact(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	ask(t, "GET", w.URL+"/v1/artifacts/sha256:"+strings.Repeat("0", 64), nil).problem(t, 404, "artifact.not_found")
	ask(t, "GET", w.URL+"/v1/artifacts/..%2F..%2Fetc%2Fpasswd", nil).problem(t, 404, "http.not_found")
	for _, d := range []string{"x", "sha256:" + strings.Repeat("A", 64), "sha256:" + strings.Repeat("0", 63) + "%00"} {
		ask(t, "GET", w.URL+"/v1/artifacts/"+d, nil).problem(t, 400, "artifact.bad_digest")
	}
}

// breaking is a store whose content ends with an error.
type breaking struct {
	gateway.Artifacts
	early bool
}

func (b breaking) Stat(context.Context, string) (int64, error) { return 1 << 20, nil }

func (b breaking) OpenRange(context.Context, string, int64, int64) (io.ReadCloser, error) {
	if b.early {
		return nil, errors.New("no luck")
	}
	return io.NopCloser(io.MultiReader(reader(bytesOf(1<<19)), failing{})), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is broken") }

func TestDamagedArtifactIsNeverTakenForWhole(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("a", 64)
	w := gatewaytest.New(t, gateway.Config{Store: breaking{}})
	r, err := http.Get(w.URL + "/v1/artifacts/" + digest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if n, err := io.Copy(io.Discard, r.Body); err == nil {
		t.Errorf("%d bytes without an error", n)
	}
	w = gatewaytest.New(t, gateway.Config{Store: breaking{early: true}})
	a := ask(t, "GET", w.URL+"/v1/artifacts/"+digest, nil)
	a.problem(t, 500, "stage.unclassified")
	same(t, "no entity tag on a problem", a.Header.Get("ETag"), "")
}

// TestSlowReaderIsCutOff asks for much and reads nothing.
func TestSlowReaderIsCutOff(t *testing.T) {
	t.Parallel()
	store := &counting{Store: artifact.New(memstore.New(), nil), closed: make(chan struct{})}
	w := gatewaytest.New(t, gateway.Config{
		Store: store, Limits: gateway.Limits{RateWindow: 200 * time.Millisecond},
	})
	f, err := store.Put(t.Context(), reader(bytesOf(32<<20)), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = dial(t, w, "GET /v1/artifacts/"+f.Digest+" HTTP/1.1\nHost: localhost\n\n")
	select {
	case <-store.closed:
	case <-time.After(20 * time.Second):
		t.Error("the download still waits for its reader")
	}
}

// counting is a store that tells when a reader was closed.
type counting struct {
	*artifact.Store
	closed chan struct{}
}

func (c *counting) OpenRange(ctx context.Context, digest string, offset, length int64) (io.ReadCloser, error) {
	r, err := c.Store.OpenRange(ctx, digest, offset, length)
	return closing{r, c.closed}, err
}

type closing struct {
	io.ReadCloser
	closed chan struct{}
}

func (c closing) Close() error {
	close(c.closed)
	return c.ReadCloser.Close()
}
