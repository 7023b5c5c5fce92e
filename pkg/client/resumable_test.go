package client_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
)

// cutter passes connections on, and cuts each when a number of bytes has gone to the
// server.
type cutter struct {
	net.Listener
	target string
	after  int64
	cuts   atomic.Int64
}

func newCutter(t *testing.T, target string, after int64) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c := &cutter{Listener: l, target: strings.TrimPrefix(target, "http://"), after: after}
	go c.serve()
	return c
}

func (c *cutter) serve() {
	for {
		conn, err := c.Accept()
		if err != nil {
			return
		}
		go c.pass(conn)
	}
}

func (c *cutter) pass(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	up, err := net.Dial("tcp", c.target)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	go func() { _, _ = io.Copy(conn, up) }()
	if n, _ := io.CopyN(up, conn, c.after); n == c.after {
		c.cuts.Add(1)
	}
}

func writeFile(t *testing.T, n int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, n)
	x := uint32(1)
	for i := range content {
		x = x*1664525 + 1013904223
		content[i] = byte(x >> 24)
	}
	path = filepath.Join(t.TempDir(), "large.bin")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// TestUploadGoesOn uploads over a line that breaks more often than there are tries.
func TestUploadGoesOn(t *testing.T) {
	t.Parallel()
	w, _ := newWorld(t, gateway.Limits{})
	line := newCutter(t, w.URL, 1_000_000)
	c := connect(t, client.Config{Server: line.Addr().String(), ResumeFrom: 1, Tries: 5})
	path, content := writeFile(t, 8_000_000)
	var sent, most int64
	f, err := c.UploadFile(t.Context(), path, client.Upload{MediaType: "text/x", Progress: func(n, total int64) {
		sent, most = n, max(most, total)
	}})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "progress", []int64{sent, most}, []int64{8_000_000, 8_000_000})
	if n := line.cuts.Load(); n < 7 {
		t.Errorf("the line broke only %d times", n)
	}
	r, err := w.Store.Open(t.Context(), f.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes arrived, %v", len(got), err)
	}
	same(t, "file", f, events.File{Name: "large.bin", Size: 8_000_000, Digest: f.Digest, MediaType: "text/x"})
}

// TestUploadToOldServer meets a server that knows no resumable uploads.
func TestUploadToOldServer(t *testing.T) {
	t.Parallel()
	w, _ := newWorld(t, gateway.Limits{})
	to, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		if strings.HasPrefix(r.Out.URL.Path, "/v1/uploads") {
			r.Out.URL.Path = "/v1/nothing"
		}
	}}
	_, c := newFlaky(t, func(_ int, rw http.ResponseWriter, r *http.Request) { proxy.ServeHTTP(rw, r) })
	path, content := writeFile(t, 17<<20)
	f, err := c.UploadFile(t.Context(), path, client.Upload{})
	if err != nil || f.Size != int64(len(content)) {
		t.Errorf("%+v %v", f, err)
	}
}

// TestUploadTrouble ends uploads that cannot go on.
func TestUploadTrouble(t *testing.T) {
	t.Parallel()
	w, _ := newWorld(t, gateway.Limits{Upload: 1 << 20})
	path, _ := writeFile(t, 2<<20)
	c := connect(t, client.Config{Server: w.URL, ResumeFrom: 1, Tries: 2})
	if _, err := c.UploadFile(t.Context(), path, client.Upload{}); !fault.Has(err, fault.ArtifactTooLarge) {
		t.Errorf("too large: %v", err)
	}
	small, _ := writeFile(t, 1<<20)
	_, err := c.UploadFile(t.Context(), small, client.Upload{Progress: func(int64, int64) { _ = os.Truncate(small, 1000) }})
	if !fault.Has(err, fault.FetchChanged) {
		t.Errorf("shorter: %v", err)
	}
	line := newCutter(t, w.URL, 150) // not even a header gets through
	c = connect(t, client.Config{Server: line.Addr().String(), ResumeFrom: 1, Tries: 2})
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	other, _ := writeFile(t, 1<<20)
	if _, err := c.UploadFile(ctx, other, client.Upload{}); !fault.Has(err, fault.ClientInterrupted) {
		t.Errorf("cut: %v", err)
	}
}
