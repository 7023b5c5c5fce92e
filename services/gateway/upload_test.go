package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func TestUploadAndSubmitInOne(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	content := bytesOf(3 << 20)
	q := url.Values{
		"pipeline": {"keep"}, "name": {"a b.bin"}, "param.level": {"7"}, "param.note": {"7"}, "label.team": {"x"},
	}
	a := ask(t, "POST", w.URL+"/v1/jobs?"+q.Encode(), reader(content),
		"Content-Type", "image/png", "Idempotency-Key", "up")
	var r events.Receipt
	a.into(t, http.StatusAccepted, &r)

	var s events.Submission
	if err := json.Unmarshal(w.Conductor.Submissions()[0].Data, &s); err != nil {
		t.Fatal(err)
	}
	same(t, "submission", s, events.Submission{
		Key: "up", Labels: map[string]string{"team": "x"}, Params: json.RawMessage(`{"level":7,"note":"7"}`),
		Files: []events.Source{{
			Name: "a b.bin", Digest: digestOf(content), Size: int64(len(content)), MediaType: "image/png",
		}},
	})
	size, err := w.Store.Stat(t.Context(), digestOf(content))
	if err != nil || size != int64(len(content)) {
		t.Errorf("stored: %d %v", size, err)
	}
}

func TestUploadArtifact(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	content := []byte("hello")
	sum := sha256.Sum256(content)
	good := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	a := ask(t, "POST", w.URL+"/v1/artifacts?name=h.txt&media_type=text/plain", reader(content),
		"Content-Type", "application/octet-stream", "Content-Digest", "md5=:x:, "+good)
	var f events.File
	a.into(t, http.StatusCreated, &f)
	same(t, "file", f, events.File{Name: "h.txt", Digest: digestOf(content), Size: 5, MediaType: "text/plain"})
	same(t, "location", a.Header.Get("Location"), "/v1/artifacts/"+f.Digest)

	for name, h := range map[string]string{
		"other": "sha-256=:" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + ":",
	} {
		a = ask(t, "POST", w.URL+"/v1/artifacts", reader(content), "Content-Digest", h)
		t.Run(name, func(t *testing.T) { a.problem(t, 400, "http.digest_mismatch") })
	}
	for _, h := range []string{"sha-256=abc", "sha-256=:abc:", "sha-256=::", "sha-256=:" + strings.Repeat("A", 44)} {
		a = ask(t, "POST", w.URL+"/v1/artifacts", reader(content), "Content-Digest", h)
		t.Run(h, func(t *testing.T) { a.problem(t, 400, "http.bad_request") })
	}
	a = ask(t, "POST", w.URL+"/v1/artifacts", nil)
	a.into(t, http.StatusCreated, &f)
	same(t, "an empty file", f.Digest, digestOf(nil))
}

func TestBadUploads(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{Upload: 1000}})
	for _, c := range []struct {
		path   string
		status int
		code   string
	}{
		{"/v1/jobs", 400, "http.bad_request"},
		{"/v1/jobs?pipeline=nope", 404, "pipeline.not_found"},
		{"/v1/jobs?pipeline=a.b", 404, "pipeline.not_found"},
		{"/v1/jobs?pipeline=keep&pipeline=keep", 400, "http.bad_request"},
		{"/v1/jobs?pipeline=keep&nmae=x", 400, "http.bad_request"},
		{"/v1/jobs?pipeline=keep&name=../../etc/passwd", 422, "submit.bad_name"},
		{"/v1/jobs?pipeline=keep&name=a%0Ab", 422, "submit.bad_name"},
		{"/v1/jobs?pipeline=keep&name=" + strings.Repeat("n", 4096), 422, "submit.bad_name"},
		{"/v1/jobs?pipeline=keep&param.level=many", 422, "submit.bad_params"},
		{"/v1/jobs?pipeline=keep&param.depth=1", 422, "submit.bad_params"},
		{"/v1/jobs?pipeline=keep&params={", 422, "submit.bad_params"},
		{"/v1/jobs?pipeline=keep&params={}&param.level=1", 400, "http.bad_request"},
		{"/v1/jobs?pipeline=keep&key=" + strings.Repeat("k", 256), 400, "http.bad_key"},
		{"/v1/jobs?pipeline=keep&media_type=a%0Ab", 400, "http.bad_request"},
		{"/v1/jobs?pipeline=%zz", 400, "http.bad_request"},
		{"/v1/artifacts?pipeline=keep", 400, "http.bad_request"},
		{"/v1/artifacts?name=a/b", 422, "submit.bad_name"},
		{"/v1/jobs?pipeline=keep&label.=x", 400, "submit.invalid"},
	} {
		a := ask(t, "POST", w.URL+c.path, strings.NewReader("x"), "Content-Type", "text/plain")
		t.Run(c.path[:min(len(c.path), 50)], func(t *testing.T) { a.problem(t, c.status, c.code) })
	}
	a := ask(t, "POST", w.URL+"/v1/artifacts", reader(bytesOf(1001)))
	a.problem(t, 413, "artifact.too_large")
	a = ask(t, "POST", w.URL+"/v1/artifacts", io.MultiReader(reader(bytesOf(1001)))) // of unknown length
	a.problem(t, 413, "artifact.too_large")
}

// TestBodiesAreNotHeldInMemory sends more than the heap may grow by.
func TestBodiesAreNotHeldInMemory(t *testing.T) {
	d, err := fsstore.New(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	store := artifact.New(d, nil)
	t.Cleanup(func() { _ = store.Close() })
	w := gatewaytest.New(t, gateway.Config{Store: store})
	const grown = 32 << 20
	size := int64(3 * grown)
	if testing.Short() {
		size = grown + grown/4
	}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak := &heapPeak{r: io.LimitReader(&endless{}, size)}
	a := ask(t, "POST", w.URL+"/v1/artifacts", peak)
	var f events.File
	a.into(t, http.StatusCreated, &f)
	same(t, "size", f.Size, size)

	r, err := http.Get(w.URL + "/v1/artifacts/" + f.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	h := sha256.New()
	peak.r = r.Body
	if n, err := io.Copy(h, struct{ io.Reader }{peak}); err != nil || n != size {
		t.Fatalf("read %d: %v", n, err)
	}
	same(t, "digest", "sha256:"+hex.EncodeToString(h.Sum(nil)), f.Digest)
	if peak.max > before.HeapAlloc+grown {
		t.Errorf("the heap grew by %d MiB", (peak.max-before.HeapAlloc)>>20)
	}
}

// endless yields bytes that do not compress well.
type endless struct{ x uint32 }

func (e *endless) Read(p []byte) (int, error) {
	x := e.x
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	e.x = x
	return len(p), nil
}

// heapPeak looks at the heap every few MiB.
type heapPeak struct {
	r    io.Reader
	n    int
	max  uint64
	next int
}

func (h *heapPeak) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if h.n += n; h.n >= h.next {
		h.next = h.n + 8<<20
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		h.max = max(h.max, m.HeapAlloc)
	}
	return n, err
}

// dial opens a connection and sends the head of a request.
func dial(t *testing.T, w *gatewaytest.World, head string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, strings.ReplaceAll(head, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSlowSenderIsCutOff(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{RateWindow: 300 * time.Millisecond}})
	for _, path := range []string{"/v1/artifacts", "/v1/jobs?pipeline=keep", "/v1/pipelines:check", "/v1/nowhere"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			c := dial(t, w, "POST "+path+" HTTP/1.1\nHost: localhost\nContent-Length: 100000\n\n")
			// A byte now and then is not enough.
			go func() {
				for {
					if _, err := c.Write([]byte("x")); err != nil {
						return
					}
					time.Sleep(50 * time.Millisecond)
				}
			}()
			got, _ := io.ReadAll(c)
			want := "http.too_slow"
			if path == "/v1/nowhere" {
				want = "http.not_found"
			}
			if !bytes.Contains(got, []byte(want)) || !bytes.Contains(got, []byte("Connection: close")) {
				t.Errorf("answer %q", got)
			}
		})
	}
}

func TestSteadySenderMayTakeLong(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{RateWindow: 300 * time.Millisecond}})
	const pieces, size = 12, 1 << 10
	c := dial(t, w, fmt.Sprintf("POST /v1/artifacts HTTP/1.1\nHost: localhost\nConnection: close\nContent-Length: %d\n\n", pieces*size))
	for range pieces {
		if _, err := c.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(60 * time.Millisecond)
	}
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Contains(got, []byte("201 Created")) {
		t.Errorf("answer %q %v", got, err)
	}
}

func TestRefusedBeforeTheBodyIsSent(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	c := dial(t, w, "POST /v1/jobs?pipeline=nope HTTP/1.1\nHost: localhost\nExpect: 100-continue\nContent-Length: 1000000\n\n")
	got, err := io.ReadAll(c)
	if err != nil || bytes.Contains(got, []byte("100 Continue")) || !bytes.Contains(got, []byte("pipeline.not_found")) {
		t.Errorf("answer %q %v", got, err)
	}
}

func TestBodyThatEndsEarly(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	c := dial(t, w, "POST /v1/artifacts HTTP/1.1\nHost: localhost\nContent-Length: 1000\n\nabc")
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(c)
	if bytes.Contains(got, []byte("201")) {
		t.Errorf("answer %q", got)
	}
	if _, err := w.Store.Stat(t.Context(), digestOf([]byte("abc"))); err == nil {
		t.Error("half a body was stored")
	}
}

func TestUploadsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{Uploads: 1}})
	pr, pw := io.Pipe()
	// The client sends nothing before the gateway asks for the body, which it
	// does when the upload has its turn.
	first := later(t, "POST", w.URL+"/v1/artifacts", pr, "Expect", "100-continue")
	if _, err := pw.Write([]byte("first")); err != nil {
		t.Fatal(err)
	}
	second := later(t, "POST", w.URL+"/v1/artifacts", strings.NewReader("second"))
	select {
	case a := <-second:
		t.Errorf("the second did not wait: %d", a.StatusCode)
	case <-time.After(100 * time.Millisecond):
	}
	_ = pw.Close()
	var f events.File
	arrived(t, first).into(t, http.StatusCreated, &f)
	arrived(t, second).into(t, http.StatusCreated, &f)
}
