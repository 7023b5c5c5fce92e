package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/fetch"
)

// Sizes of these tests: of what is fetched, of a chunk, and of what a crash may
// cost.
const (
	fileSize  = 3<<20 + 1234
	chunkSize = 64 << 10
	crashCost = 512 << 10
)

var errKilled = errors.New("killed by the test")

// job is a step whose attempts are killed and go on.
type job struct {
	t       *testing.T
	stage   stage.Stage
	store   *artifact.Store
	log     *checkpoint.Memory
	sources []events.Source
	config  string
	// bytes is what a crash may cost.
	bytes    int64
	attempts int
	// resumed is where the last attempt went on.
	resumed events.Resumed
	// moved is what all attempts together have moved, and seen is told how far an
	// attempt is.
	moved int64
	seen  func(done int64)
}

func newJob(t *testing.T, s stage.Stage, sources ...events.Source) *job {
	t.Helper()
	store := artifact.New(memstore.New(), &artifact.Options{ChunkSize: chunkSize})
	t.Cleanup(func() { _ = store.Close() })
	return &job{
		t: t, stage: s, store: store, log: checkpoint.NewMemory(), sources: sources, bytes: crashCost,
	}
}

// anywhere is a stage that may fetch from this machine.
func anywhere() stage.Stage { return fetch.New(fetch.Options{AllowPrivateNetworks: true}) }

func (j *job) key() checkpoint.Key {
	return checkpoint.Key{Tenant: "default", Job: "job", Step: "fetch"}
}

// attempt runs the next attempt, which is killed when it has done at bytes of the
// job; a negative at means not at all.
func (j *job) attempt(at int64) (stage.Result, error) {
	j.t.Helper()
	j.attempts++
	j.resumed = events.Resumed{}
	chain := checkpoint.New(checkpoint.Options{
		Log: j.log, Store: j.store, Key: j.key(), Stage: "fetch@1", Logic: "1", Inputs: "sha256:in",
		Attempt: j.attempts, Fresh: j.attempts == 1, Bytes: j.bytes, Every: time.Hour,
		Resumed: func(_ context.Context, e events.Resumed) error {
			j.resumed = e
			return nil
		},
	})
	defer chain.Close()
	ctx, kill := context.WithCancelCause(j.t.Context())
	defer kill(nil)
	last := int64(-1)
	task := &stage.Task{
		Job: "job", Tenant: "default", Step: "fetch", Attempt: j.attempts, Sources: j.sources,
		RawConfig: []byte(j.config), Store: j.store, Checkpoints: chain,
	}
	task.Report = func(done, total int64, _ string) {
		if done < last || total > 0 && done > total {
			j.t.Errorf("%d of %d bytes after %d", done, total, last)
		}
		if last < 0 {
			last = j.resumed.Done
		}
		j.moved += done - last
		last = done
		if j.seen != nil {
			j.seen(done)
		}
		if at >= 0 && done >= at {
			kill(errKilled)
		}
	}
	if at == 0 {
		kill(errKilled)
	}
	return j.stage.Run(ctx, task)
}

// crash is an attempt that must not end by itself.
func (j *job) crash(at int64) {
	j.t.Helper()
	if _, err := j.attempt(at); !errors.Is(err, errKilled) {
		j.t.Fatalf("killed at %d: %v", at, err)
	}
}

// finish is an attempt that must give the one file that is wanted.
func (j *job) finish(want []byte) {
	j.t.Helper()
	r, err := j.attempt(-1)
	if err != nil {
		j.t.Fatal(err)
	}
	got := stagetest.Read(j.t, &stage.Task{Store: j.store}, r.Files[0])
	if !bytes.Equal(got, want) {
		j.t.Fatalf("got %d bytes, %.20q…, and not %d, %.20q…", len(got), got, len(want), want)
	}
}

// content makes up a file, which is another for another seed.
func content(seed uint64) []byte {
	var b bytes.Buffer
	if _, err := io.Copy(&b, stagetest.Content{Name: fmt.Sprint("file ", seed), Size: fileSize}.Reader()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// asked is a request as a server got it.
type asked struct{ path, rng, condition string }

// server answers by answer and notes what it was asked.
type server struct {
	url string
	mu  sync.Mutex
	log []asked
}

func serve(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) *server {
	t.Helper()
	s := &server{}
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		n := len(s.log)
		s.log = append(s.log, asked{r.URL.RequestURI(), r.Header.Get("Range"), r.Header.Get("If-Range")})
		s.mu.Unlock()
		answer(w, r, n)
	}))
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	h.Start()
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

// requests returns what was asked so far.
func (s *server) requests() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]asked(nil), s.log...)
}

// from is where the last request wanted to begin, -1 when it wanted everything.
func (s *server) from(t *testing.T) int64 {
	t.Helper()
	all := s.requests()
	rng := all[len(all)-1].rng
	if rng == "" {
		return -1
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(rng, "bytes="), "-"), 10, 64)
	if err != nil {
		t.Fatalf("asked for %q", rng)
	}
	return n
}

// version is a file as a good server has it.
type version struct {
	data     []byte
	etag     string
	modified time.Time
}

func (v version) serve(w http.ResponseWriter, r *http.Request) {
	if v.etag != "" {
		w.Header().Set("ETag", v.etag)
	}
	w.Header().Set("Content-Type", "application/x-tar")
	http.ServeContent(w, r, "", v.modified, bytes.NewReader(v.data))
}

// TestResumesAtTheByte kills attempts at many places, twice each.
func TestResumesAtTheByte(t *testing.T) {
	t.Parallel()
	data := content(1)
	long := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, v := range map[string]version{
		"tag":  {data, `"v1"`, time.Time{}},
		"date": {data, "", long},
		"both": {data, `"v1"`, long},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(7, 7))
			s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { v.serve(w, r) })
			places := []int64{0, 1, chunkSize, fileSize - 1, fileSize}
			for range 10 {
				places = append(places, rnd.Int64N(fileSize))
			}
			for _, at := range places {
				killedTwice(t, s, v, at, at+rnd.Int64N(fileSize-at+1))
			}
		})
	}
}

// killedTwice kills an attempt at a byte, and the next one at another, and lets
// the third one go on.
func killedTwice(t *testing.T, s *server, v version, first, second int64) {
	t.Helper()
	j := newJob(t, anywhere(), from(s.url+"/x")...)
	for _, at := range []int64{first, second} {
		before := j.moved
		if _, err := j.attempt(at); err != nil && !errors.Is(err, errKilled) {
			t.Fatalf("killed at %d: %v", at, err)
		}
		if start := j.resumed.Done; at > 0 && start+j.moved-before < min(at, fileSize) {
			t.Fatalf("killed at %d, before %d", at, start+j.moved-before)
		}
	}
	asked := len(s.requests())
	j.finish(v.data)
	if again := j.moved - fileSize; again > 2*crashCost {
		t.Errorf("killed at %d and %d: %d bytes were fetched again", first, second, again)
	}
	if j.resumed.Done == 0 {
		return
	}
	for _, a := range s.requests()[asked:] {
		want := v.etag
		if want == "" {
			want = v.modified.Format(http.TimeFormat)
		}
		if a.rng != fmt.Sprintf("bytes=%d-", j.resumed.Done) || a.condition != want {
			t.Errorf("goes on at %d and asks %+v", j.resumed.Done, a)
		}
	}
}

// TestFailureKeepsItsPlace fetches from a server that never gets far, in attempts
// that each come a little further, less than what is worth a checkpoint.
func TestFailureKeepsItsPlace(t *testing.T) {
	t.Parallel()
	v := version{data: content(1), etag: `"v1"`}
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { v.serve(cutAfter(w, 500_000), r) })
	j := newJob(t, anywhere(), from(s.url)...)
	j.config, j.bytes = `{"resumptions":0}`, 64<<20
	for range fileSize / 500_000 {
		if _, err := j.attempt(-1); !fault.Has(err, fault.FetchTruncated) {
			t.Fatalf("got %v", err)
		}
	}
	j.finish(v.data)
	if j.moved != fileSize {
		t.Errorf("%d bytes were fetched, of %d", j.moved, fileSize)
	}
}

// TestStoreFails goes on at the place that was saved last after the store has lost
// what came later.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	v := version{data: content(1), etag: `"v1"`}
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { v.serve(w, r) })
	for _, prefix := range []string{"m/", "c/"} { // the end of the content, and a chunk of it
		j := newJob(t, anywhere(), from(s.url)...)
		disk := &breaks{Store: memstore.New(), name: prefix, after: 20}
		if prefix == "m/" {
			disk.after = 0
		}
		j.store = artifact.New(disk, &artifact.Options{ChunkSize: chunkSize})
		if _, err := j.attempt(-1); !fault.Has(err, fault.ArtifactIO) {
			t.Errorf("got %v", err)
		}
		j.finish(v.data)
		if j.resumed.Done < 512<<10 || j.moved > fileSize+crashCost+1<<20 {
			t.Errorf("%s: went on at %d, %d moved", prefix, j.resumed.Done, j.moved)
		}
		if err := j.store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// breaks is a disk that fails once, to store a blob whose name begins like that.
type breaks struct {
	driver.Store
	name  string
	after int64
	seen  atomic.Int64
}

func (b *breaks) Create(ctx context.Context) (driver.Blob, error) {
	blob, err := b.Store.Create(ctx)
	return breaking{blob, b}, err
}

type breaking struct {
	driver.Blob
	b *breaks
}

func (b breaking) Commit(ctx context.Context, name string) error {
	if strings.HasPrefix(name, b.b.name) && b.b.seen.Add(1) == b.b.after+1 {
		return io.ErrClosedPipe
	}
	return b.Blob.Commit(ctx, name)
}

// cut is an answer whose connection is closed after some bytes of the body.
type cut struct {
	http.ResponseWriter
	left int
}

func cutAfter(w http.ResponseWriter, n int) http.ResponseWriter { return &cut{w, n} }

func (c *cut) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	if c.left -= n; err == nil && c.left == 0 {
		if err := http.NewResponseController(c.ResponseWriter).Flush(); err != nil {
			return n, err
		}
		panic(http.ErrAbortHandler)
	}
	return n, err
}
