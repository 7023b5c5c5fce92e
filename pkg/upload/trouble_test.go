package upload_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/upload"
)

// tidy looks after uploads once, as a process does that starts.
func (w *world) tidy() {
	w.t.Helper()
	if err := upload.Tidy(w.service, w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// TestRun settles at its start what was left behind.
func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.jobs.fail(fault.New(fault.BusTimeout, "", nil), false)
	path := w.begin(3, meta("pipeline", "keep"))
	w.patch(path, 0, []byte("abc")).is(504, fault.BusTimeout)
	w.jobs.fail(nil, false)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.service.Run(ctx) }()
	for len(w.jobs.all()) == 0 {
		runtime.Gosched()
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w.ask("HEAD", path, nil).is(200, "").has(upload.HeaderArtifact, digestOf([]byte("abc")))
}

// TestCutAnywhere breaks the connection at many places, and goes on each time.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := bytesOf(900_000)
	rng := rand.New(rand.NewPCG(7, 7))
	path := w.begin(len(b), meta("pipeline", "keep"))
	cuts := 0
	for at := 0; at < len(b); {
		n := min(rng.IntN(120_000), len(b)-at-1)
		if cuts > 20 || n <= 0 {
			n = len(b) - at
		}
		w.cut(path, at, b[at:], n)
		cuts++
		at = w.settled(path, at, len(b)-at) // an earlier request may be the late one
	}
	w.content(b)
	if len(w.jobs.all()) != 1 || cuts < 10 {
		t.Errorf("%d jobs after %d cuts", len(w.jobs.all()), cuts)
	}
}

// cut sends the first n of the bytes, and then closes the connection.
func (w *world) cut(path string, at int, b []byte, n int) {
	w.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: %d\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n", path, at, len(b))
	if err == nil {
		_, err = conn.Write(b[:n])
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if n == len(b) {
		_, _ = conn.Read(make([]byte, 1)) // the answer
	}
}

// settled asks how far the upload is. The question itself ends the request before.
func (w *world) settled(path string, at, n int) int {
	w.t.Helper()
	got, err := strconv.Atoi(w.ask("HEAD", path, nil).is(200, "").Header.Get("Upload-Offset"))
	if err != nil || got < at || got > at+n {
		w.t.Fatalf("after %d, and at most %d more, it is at %d: %v", at, n, got, err)
	}
	return got
}

// TestTakeover sends to an upload that a dead connection holds.
func TestTakeover(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := bytesOf(100_000)
	path := w.begin(len(b), "")
	r, pipe := io.Pipe()
	first := make(chan answer, 1)
	go func() {
		first <- w.ask("PATCH", path, r, "Upload-Offset", "0")
	}()
	if _, err := pipe.Write(b[:1000]); err != nil {
		t.Fatal(err)
	}
	at := w.settled(path, 0, 1000)
	w.patch(path, at, b[at:]).is(204, "")
	_ = pipe.Close()
	(<-first).is(503, fault.UploadInterrupted)
	w.content(b)
}

// TestTwoProcesses lets two services write to one upload at once: neither knows the
// lock of the other.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := bytesOf(400_000)
	path := w.begin(len(b), meta("pipeline", "keep"))
	r, pipe := io.Pipe()
	first := make(chan answer, 1)
	go func() { first <- w.ask("PATCH", path, r, "Upload-Offset", "0") }()
	if _, err := pipe.Write(b[:1000]); err != nil {
		t.Fatal(err)
	}
	w.another().patch(path, 0, b).is(204, "")
	if _, err := pipe.Write(b[1000:]); err != nil {
		t.Fatal(err)
	}
	_ = pipe.Close()
	(<-first).is(409, fault.UploadWrongOffset)
	w.content(b)
	if n := len(w.jobs.all()); n != 1 {
		t.Errorf("%d jobs", n)
	}
}

// TestParallel sends the same bytes many times at once.
func TestParallel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := bytesOf(300_000)
	path := w.begin(len(b), meta("pipeline", "keep"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			a := w.patch(path, 0, b)
			if a.StatusCode != 204 && a.StatusCode != 409 && a.StatusCode != 503 && a.StatusCode != 423 {
				t.Errorf("status %d %s", a.StatusCode, a.Header.Get("Code"))
			}
		})
	}
	all.Wait()
	if at := w.settled(path, 0, len(b)); at < len(b) {
		w.patch(path, at, b[at:]).is(204, "")
	}
	w.content(b)
	if n := len(w.jobs.all()); n != 1 {
		t.Errorf("%d jobs", n)
	}
}

// TestNoConductor finishes an upload while nobody takes jobs.
func TestNoConductor(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]bool{"lost question": false, "lost answer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.jobs.fail(fault.New(fault.BusTimeout, "", nil), after)
			asked, left := w.begin(3, meta("pipeline", "keep")), w.begin(3, meta("pipeline", "keep"))
			w.patch(asked, 0, []byte("abc")).is(504, fault.BusTimeout)
			w.patch(left, 0, []byte("abc")).is(504, fault.BusTimeout)
			w.ask("HEAD", asked, nil).is(504, fault.BusTimeout)
			w.tidy()
			w.jobs.fail(nil, false)
			w.restart()
			job := w.ask("HEAD", asked, nil).is(200, "").Header.Get(upload.HeaderJob)
			w.tidy()
			if all := w.jobs.all(); len(all) != 2 || all[job].Files == nil {
				t.Errorf("jobs %+v, told %q", all, job)
			}
		})
	}
}

// TestRefusedJob is told the same for good.
func TestRefusedJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.jobs.fail(&upload.Refused{Problem: events.Problem{Status: 409, Code: string(fault.SubmitKeyReused)}}, false)
	path := w.begin(3, meta("pipeline", "keep", "key", "k"))
	w.patch(path, 0, []byte("abc")).is(409, fault.SubmitKeyReused)
	w.ask("HEAD", path, nil).is(409, fault.SubmitKeyReused)
	if n := w.jobs.asked; n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// dying is a bucket and a conductor that die with the process at the nth thing that
// is asked of them, before or after they have done it.
type dying struct {
	upload.KV
	upload.Jobs
	mu   sync.Mutex
	left int
	late bool
}

var errDead = errors.New("the process is dead")

// step does f, unless the process dies first.
func (d *dying) step(f func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left--
	if d.left < 0 || d.left == 0 && !d.late {
		return fault.New(fault.BusUnreachable, "", errDead)
	}
	err := f()
	if d.left == 0 {
		return fault.New(fault.BusUnreachable, "", errDead)
	}
	return err
}

func (d *dying) Create(ctx context.Context, k string, v []byte) (rev uint64, err error) {
	err = d.step(func() error { rev, err = d.KV.Create(ctx, k, v); return err })
	return rev, err
}

func (d *dying) Put(ctx context.Context, k string, v []byte) (rev uint64, err error) {
	err = d.step(func() error { rev, err = d.KV.Put(ctx, k, v); return err })
	return rev, err
}

func (d *dying) Update(ctx context.Context, k string, v []byte, last uint64) (rev uint64, err error) {
	err = d.step(func() error { rev, err = d.KV.Update(ctx, k, v, last); return err })
	return rev, err
}

func (d *dying) Delete(ctx context.Context, k string) error {
	return d.step(func() error { return d.KV.Delete(ctx, k) })
}

func (d *dying) Submit(
	ctx context.Context, tenant string, p upload.Plan, s events.Submission,
) (r events.Receipt, err error) {
	err = d.step(func() error { r, err = d.Jobs.Submit(ctx, tenant, p, s); return err })
	return r, err
}

func (d *dying) Keep(ctx context.Context, tenant, digest string) error {
	return d.step(func() error { return d.Jobs.Keep(ctx, tenant, digest) })
}

// TestDieAnywhere ends the process at every step of an upload, before and after the
// step was done, and goes on with another process: by itself, or asked by the client.
func TestDieAnywhere(t *testing.T) {
	t.Parallel()
	b := bytesOf(500_000)
	for n := 1; ; n++ {
		reached := false
		for _, late := range []bool{false, true} {
			for _, asks := range []bool{false, true} {
				w := newWorld(t, nil)
				d := &dying{KV: w.kv, Jobs: w.jobs, left: n, late: late}
				living := w.options
				w.options.KV, w.options.Jobs = d, d
				w.restart()
				a := w.ask("POST", root, nil, "Upload-Length", "500000", "Upload-Metadata", meta("pipeline", "keep"))
				path := a.Header.Get("Location")
				if a.StatusCode == http.StatusCreated {
					w.patch(path, 0, b)
				}
				reached = reached || d.left <= 0
				w.options = living
				w.restart()
				if a.StatusCode == http.StatusCreated {
					w.goOn(path, b, asks)
				}
			}
		}
		if !reached {
			if n < 8 {
				t.Errorf("only %d steps were seen", n)
			}
			return
		}
	}
}

// goOn finishes an upload after a crash and checks that there is one job.
func (w *world) goOn(path string, b []byte, asks bool) {
	w.t.Helper()
	if !asks {
		w.tidy()
	}
	if at := w.settled(path, 0, len(b)); at < len(b) {
		w.patch(path, at, b[at:]).is(204, "")
	}
	job := w.ask("HEAD", path, nil).is(200, "").has(upload.HeaderArtifact, digestOf(b)).Header.Get(upload.HeaderJob)
	all := w.jobs.all()
	if len(all) != 1 || len(all[job].Files) != 1 || all[job].Files[0].Digest != digestOf(b) {
		w.t.Fatalf("jobs %+v, told %q", all, job)
	}
	w.content(b)
}
