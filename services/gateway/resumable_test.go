package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

const uploads = "/v1/uploads/"

// tusMeta writes metadata from pairs.
func tusMeta(pairs ...string) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(list, ",")
}

// tus makes a request of the tus protocol.
func tus(t *testing.T, w *gatewaytest.World, method, path string, body io.Reader, headers ...string) answer {
	t.Helper()
	headers = append([]string{"Tus-Resumable", "1.0.0"}, headers...)
	if method == http.MethodPatch {
		headers = append(headers, "Content-Type", "application/offset+octet-stream")
	}
	return ask(t, method, w.URL+path, body, headers...)
}

// begin begins an upload and returns its path.
func begin(t *testing.T, w *gatewaytest.World, size int, meta string) string {
	t.Helper()
	a := tus(t, w, "POST", uploads, nil, "Upload-Length", strconv.Itoa(size), "Upload-Metadata", meta)
	if a.StatusCode != http.StatusCreated {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	return a.Header.Get("Location")
}

func TestResumableUpload(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	content := bytesOf(300_000)
	path := begin(t, w, len(content), tusMeta("pipeline", "keep", "filename", "a b.bin", "filetype", "image/png",
		"param.level", "7", "label.team", "x", "key", "up", "digest", digestOf(content)))
	a := tus(t, w, "PATCH", path, reader(content[:100_000]), "Upload-Offset", "0")
	same(t, "half", []any{a.StatusCode, a.Header.Get("Upload-Offset")}, []any{204, "100000"})
	w.Stop()
	w.Start()
	a = tus(t, w, "HEAD", path, nil)
	same(t, "asked", []any{a.StatusCode, a.Header.Get("Upload-Offset")}, []any{200, "100000"})
	a = tus(t, w, "PATCH", path, reader(content[100_000:]), "Upload-Offset", "100000")
	same(t, "whole", []any{a.StatusCode, a.Header.Get("Upload-Offset")}, []any{204, "300000"})

	var s events.Submission
	if err := json.Unmarshal(w.Conductor.Submissions()[0].Data, &s); err != nil {
		t.Fatal(err)
	}
	same(t, "submission", s, events.Submission{
		Key: "up", Labels: map[string]string{"team": "x"}, Params: json.RawMessage(`{"level":7}`),
		Files: []events.Source{{
			Name: "a b.bin", Digest: digestOf(content), Size: int64(len(content)), MediaType: "image/png",
		}},
	})
	// The same content with the same key by another door is the same job.
	a = ask(t, "POST", w.URL+"/v1/jobs?pipeline=keep&name=a%20b.bin&media_type=image/png&param.level=7&label.team=x",
		reader(content), "Idempotency-Key", "up")
	var r events.Receipt
	a.into(t, http.StatusOK, &r)
	same(t, "job", tus(t, w, "HEAD", path, nil).Header.Get("Millrace-Job"), r.Job)
}

func TestResumableRefusals(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{Upload: 1000}})
	for meta, want := range map[string]struct {
		status int
		code   string
	}{
		tusMeta("pipeline", "nope"):                                        {404, "pipeline.not_found"},
		tusMeta("pipeline", "a.b"):                                         {404, "pipeline.not_found"},
		tusMeta("pipeline", "keep", "filename", "../../etc/passwd"):        {422, "submit.bad_name"},
		tusMeta("pipeline", "keep", "param.level", "many"):                 {422, "submit.bad_params"},
		tusMeta("pipeline", "keep", "label.", "x"):                         {400, "submit.invalid"},
		tusMeta("pipeline", "keep", "key", strings.Repeat("k", 256)):       {400, "http.bad_key"},
		tusMeta("pipeline", "keep", "nmae", "x"):                           {400, "http.bad_request"},
		tusMeta("key", "without a pipeline"):                               {400, "http.bad_request"},
		tusMeta("digest", "sha256:abc"):                                    {400, "artifact.bad_digest"},
		tusMeta("filetype", "a\nb"):                                        {400, "http.bad_request"},
		"pipeline keep":                                                    {400, "upload.bad_metadata"},
		tusMeta("pipeline", "keep", "params", "{}", "param.level", "1"):    {400, "http.bad_request"},
		tusMeta("pipeline", "keep", "params", "{"):                         {422, "submit.bad_params"},
		tusMeta("name", "x/y", "type", "text/plain", "relativePath", "z/"): {422, "submit.bad_name"},
	} {
		tus(t, w, "POST", uploads, nil, "Upload-Length", "1", "Upload-Metadata", meta).problem(t, want.status, want.code)
	}
	tus(t, w, "POST", uploads, nil, "Upload-Length", "1001").problem(t, 413, "artifact.too_large")
	tus(t, w, "PATCH", uploads+"x", nil, "Upload-Offset", "0").problem(t, 404, "upload.not_found")
	ask(t, "GET", w.URL+uploads+"x", nil).problem(t, 405, "http.method_not_allowed")
	tus(t, w, "POST", "/v1/uploads", nil, "Upload-Length", "x").problem(t, 400, "http.bad_request")
	ask(t, "POST", w.URL+uploads, nil, "Upload-Length", "1").problem(t, 412, "upload.protocol")
	ask(t, "PATCH", w.URL+uploads+"a/b", nil).problem(t, 404, "http.not_found")

	w.Conductor.Refuse(&events.Problem{Type: "about:blank", Status: 422, Code: string(fault.SubmitKeyReused), Class: "conflict", Title: "reused"})
	path := begin(t, w, 1, tusMeta("pipeline", "keep"))
	tus(t, w, "PATCH", path, reader([]byte("x")), "Upload-Offset", "0").problem(t, 422, "submit.key_reused")
	w.Conductor.Refuse(&events.Problem{Type: "about:blank", Status: 503, Code: string(fault.BusUnreachable), Class: "dependency_down", Title: "busy"})
	path = begin(t, w, 1, tusMeta("pipeline", "keep"))
	tus(t, w, "PATCH", path, reader([]byte("x")), "Upload-Offset", "0").problem(t, 503, "bus.unreachable")
	w.Conductor.Refuse(nil)
	a := tus(t, w, "HEAD", path, nil)
	if a.StatusCode != 200 || a.Header.Get("Millrace-Job") == "" {
		t.Errorf("status %d, job %q", a.StatusCode, a.Header.Get("Millrace-Job"))
	}
}

// TestSlowUpload sends a part and then nothing: what came is kept.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{RateWindow: 200 * time.Millisecond}})
	path := begin(t, w, 10_000, "")
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: 10000\r\n\r\n%s", path, bytesOf(5000))
	if err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(said), "HTTP/1.1 503 ") || !strings.Contains(string(said), "upload.interrupted") {
		t.Errorf("%v, it says %s", err, said)
	}
	same(t, "kept", tus(t, w, "HEAD", path, nil).Header.Get("Upload-Offset"), "5000")
}

// TestStopKeepsUploads stops the gateway while bytes arrive.
func TestStopKeepsUploads(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	path := begin(t, w, 1<<30, "")
	r, pipe := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "PATCH", w.URL+path, r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{
		"Tus-Resumable": {"1.0.0"}, "Upload-Offset": {"0"}, "Content-Type": {"application/offset+octet-stream"},
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		// Whether the answer gets through before the connection ends is open.
		if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
			_ = res.Body.Close()
		}
		_ = r.Close()
	}()
	// More than the sockets between hold.
	if _, err := pipe.Write(bytesOf(32 << 20)); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() { w.Stop(); close(stopped) }()
	for n := 1; n > 0; {
		n, _ = pipe.Write([]byte("more"))
	}
	<-sent
	<-stopped
	w.Start()
	at, err := strconv.Atoi(tus(t, w, "HEAD", path, nil).Header.Get("Upload-Offset"))
	if err != nil || at < 1<<20 {
		t.Errorf("it is at %d: %v", at, err)
	}
}

func TestUploadOrigins(t *testing.T) {
	t.Parallel()
	const good, evil = "https://app.example", "https://evil.example"
	w := gatewaytest.New(t, gateway.Config{TrustedOrigins: []string{good}})
	for _, path := range []string{uploads, uploads + "x"} {
		a := ask(t, "OPTIONS", w.URL+path, nil, "Origin", good, "Access-Control-Request-Method", "PATCH")
		h := a.Header
		if a.StatusCode != 200 || h.Get("Access-Control-Allow-Origin") != good || h.Get("Vary") != "Origin" ||
			!strings.Contains(h.Get("Access-Control-Allow-Methods"), "PATCH") ||
			!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Upload-Offset") ||
			h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", path, a.StatusCode, h)
		}
		a = ask(t, "OPTIONS", w.URL+path, nil, "Origin", evil, "Access-Control-Request-Method", "PATCH")
		same(t, "a stranger", a.Header.Get("Access-Control-Allow-Origin"), "")
	}
	a := tus(t, w, "POST", uploads, nil, "Upload-Length", "1", "Origin", good)
	if a.StatusCode != 201 || !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "Millrace-Job") {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	tus(t, w, "POST", uploads, nil, "Upload-Length", "1", "Origin", evil).problem(t, 403, "http.cross_site")
}

func TestPutArtifact(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	content := []byte("hello")
	at := w.URL + "/v1/artifacts/" + digestOf(content)
	ask(t, "HEAD", at, nil).into404(t)
	var f events.File
	for range 2 {
		ask(t, "PUT", at+"?name=h.txt", reader(content)).into(t, http.StatusCreated, &f)
		same(t, "file", f, events.File{Name: "h.txt", Digest: digestOf(content), Size: 5})
	}
	if a := ask(t, "HEAD", at, nil); a.StatusCode != 200 {
		t.Errorf("status %d", a.StatusCode)
	}
	ask(t, "PUT", at, reader([]byte("other"))).problem(t, 400, "http.digest_mismatch")
	ask(t, "PUT", w.URL+"/v1/artifacts/md5:abc", reader(content)).problem(t, 400, "artifact.bad_digest")
}

// into404 checks an answer to HEAD, which has no body.
func (a answer) into404(t *testing.T) {
	t.Helper()
	if a.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", a.StatusCode)
	}
}
