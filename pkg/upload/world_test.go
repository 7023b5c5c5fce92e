package upload_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/upload"
)

// jobs stands in for the conductor: a key makes one job.
type jobs struct {
	mu    sync.Mutex
	made  map[string]events.Submission // by id
	asked int
	kept  map[string]bool // tenant and digest
	err   error           // what Submit answers instead
	// after lets the job be made, and the answer be lost.
	after bool
}

func (j *jobs) Plan(_ context.Context, _ string, m map[string]string) (upload.Plan, error) {
	if m["pipeline"] == "nope" {
		return upload.Plan{}, fault.New(fault.PipelineNotFound, "nope", nil)
	}
	return upload.Plan{
		Name: m["filename"], MediaType: m["filetype"], Digest: m["digest"], Pipeline: m["pipeline"],
		Job: events.Submission{Key: m["key"]},
	}, nil
}

func (j *jobs) Keep(_ context.Context, tenant, digest string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.kept == nil {
		j.kept = make(map[string]bool)
	}
	j.kept[tenant+" "+digest] = true
	return nil
}

func (j *jobs) Submit(_ context.Context, tenant string, p upload.Plan, s events.Submission) (events.Receipt, error) {
	pipeline := p.Pipeline
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked++
	if !j.kept[tenant+" "+s.Files[0].Digest] {
		return events.Receipt{}, fault.New(fault.InternalBug, "a job on a file that nobody has put", nil)
	}
	if j.err != nil && !j.after {
		return events.Receipt{}, j.err
	}
	id := digestOf([]byte(tenant + pipeline + s.Key))[7:20]
	_, again := j.made[id]
	j.made[id] = s
	return events.Receipt{Job: id, Duplicate: again}, j.err
}

func (j *jobs) fail(err error, after bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err, j.after = err, after
}

// all returns the jobs by id.
func (j *jobs) all() map[string]events.Submission {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make(map[string]events.Submission)
	for id, s := range j.made {
		all[id] = s
	}
	return all
}

// world is a service behind a server, with a real broker.
type world struct {
	t       *testing.T
	jobs    *jobs
	kv      upload.KV
	store   *artifact.Store
	options upload.Options
	service *upload.Service
	url     string
}

// newWorld starts a world. change may alter the options.
func newWorld(t *testing.T, change func(*upload.Options)) *world {
	t.Helper()
	conn := bustest.Connect(t, bustest.Server(t, bustest.ServerOptions{}))
	if err := conn.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	kv, err := conn.KV(t.Context(), events.BucketUploads)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, jobs: &jobs{made: map[string]events.Submission{}}, kv: kv}
	w.store = artifact.New(memstore.New(), &artifact.Options{ChunkSize: 64 << 10})
	w.options = upload.Options{KV: kv, Store: w.store, Jobs: w.jobs, Interval: 128 << 10, Log: bustest.Log(t)}
	if change != nil {
		change(&w.options)
	}
	return w.another()
}

// another is another process over the same broker and store.
func (w *world) another() *world {
	next := *w
	next.restart()
	s := httptest.NewServer(http.HandlerFunc(next.serve))
	next.t.Cleanup(s.Close)
	next.url = s.URL
	return &next
}

// restart puts another process in the place of the first.
func (w *world) restart() {
	w.t.Helper()
	s, err := upload.New(w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	w.service = s
}

const root = "/v1/uploads/"

// serve does what the gateway does, as far as the tests look at it.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	tenant := r.Header.Get("Millrace-Tenant")
	if tenant == "" {
		tenant = "default"
	}
	err := w.service.Serve(rw, r, tenant, root, strings.TrimPrefix(r.URL.Path, root))
	if err == nil {
		return
	}
	code, status := fault.From(err).Code, fault.From(err).Code.Info().Status
	var no *upload.Refused
	if errors.As(err, &no) {
		code, status = fault.Code(no.Code), no.Status
	}
	if after := fault.From(err).RetryAfter; after > 0 {
		rw.Header().Set("Retry-After", strconv.Itoa(int(after.Seconds())))
	}
	rw.Header().Set("Code", string(code))
	rw.WriteHeader(status)
}

// answer is what came back.
type answer struct {
	*http.Response
	t *testing.T
}

// ask makes a request of the protocol. Headers come in pairs.
func (w *world) ask(method, path string, body io.Reader, headers ...string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Del(headers[i])
		if headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	_, err = io.Copy(io.Discard, res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		w.t.Fatal(err)
	}
	return answer{res, w.t}
}

// is checks status, and the code of a refusal.
func (a answer) is(status int, code fault.Code) answer {
	a.t.Helper()
	if got := a.Header.Get("Code"); a.StatusCode != status || got != string(code) {
		a.t.Fatalf("%s %s: %d %q, want %d %q", a.Request.Method, a.Request.URL.Path, a.StatusCode, got, status, code)
	}
	return a
}

// has checks a header.
func (a answer) has(name, value string) answer {
	a.t.Helper()
	if got := a.Header.Get(name); got != value {
		a.t.Fatalf("%s %s: %s is %q, want %q", a.Request.Method, a.Request.URL.Path, name, got, value)
	}
	return a
}

// begin begins an upload of a size and returns its path.
func (w *world) begin(size int, meta string, headers ...string) string {
	w.t.Helper()
	a := w.ask("POST", root, nil, append([]string{"Upload-Length", strconv.Itoa(size), "Upload-Metadata", meta}, headers...)...)
	a.is(http.StatusCreated, "")
	return a.Header.Get("Location")
}

// patch sends bytes from an offset on.
func (w *world) patch(path string, offset int, b []byte, headers ...string) answer {
	w.t.Helper()
	return w.ask("PATCH", path, strings.NewReader(string(b)),
		append([]string{"Upload-Offset", strconv.Itoa(offset)}, headers...)...)
}

// meta writes metadata from pairs.
func meta(pairs ...string) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(list, ",")
}

// content checks that the store has content.
func (w *world) content(want []byte) {
	w.t.Helper()
	r, err := w.store.Open(w.t.Context(), digestOf(want))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != string(want) {
		w.t.Fatalf("the store has other content: %d bytes, %v", len(got), err)
	}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// bytesOf returns n bytes that do not repeat soon.
func bytesOf(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}
