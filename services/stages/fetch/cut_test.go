package fetch_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// hangUp ends an answer the hard way.
func hangUp(t *testing.T, w http.ResponseWriter) {
	if err := http.NewResponseController(w).Flush(); err != nil {
		t.Error(err)
	}
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// TestCutAndGoesOn lets a server break off again and again. One attempt is enough.
func TestCutAndGoesOn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		step   int
		end    func(t *testing.T, w http.ResponseWriter, r *http.Request)
		config string
	}{
		"is cut":   {300_000, func(*testing.T, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ``},
		"is reset": {900_000, func(t *testing.T, w http.ResponseWriter, _ *http.Request) { hangUp(t, w) }, ``},
		"stalls": {1_000_000, func(t *testing.T, w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			<-r.Context().Done()
		}, `{"stall":"300ms"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				from := start(r)
				w.Header().Set("ETag", older.etag)
				w.Header().Set("Content-Length", fmt.Sprint(fileSize-from))
				if from > 0 {
					w.Header().Set("Content-Range", span(from, fileSize))
					w.WriteHeader(http.StatusPartialContent)
				}
				_, _ = w.Write(older.data[from:min(from+test.step, fileSize)])
				if from+test.step < fileSize {
					test.end(t, w, r)
				}
			})
			j := newJob(t, anywhere(), from(s.url)...)
			j.config = test.config
			j.finish(older.data)
			if n, least := len(s.requests()), fileSize/test.step+1; n < least || j.moved != fileSize {
				t.Errorf("asked %d times, at least %d expected; %d bytes moved", n, least, j.moved)
			}
		})
	}
}

// TestSmallRanges fetches from a server that gives a little at a time, and says so.
func TestSmallRanges(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if n == 0 {
			older.serve(cutAfter(w, 400_000), r)
			return
		}
		from := start(r)
		to := min(from+700_000, fileSize)
		partial(w, older.etag, fmt.Sprintf("bytes %d-%d/%d", from, to-1, fileSize), older.data[from:to])
	})
	j := newJob(t, anywhere(), from(s.url)...)
	j.finish(older.data)
	if n := len(s.requests()); n < 5 || n > 6 || j.moved != fileSize {
		t.Errorf("asked %d times, %d bytes moved", n, j.moved)
	}
}

// failing is a server that fails in some way, with the fault and how often it is
// asked.
type failing struct {
	config string
	answer func(w http.ResponseWriter, r *http.Request, n int)
	want   fault.Code
	asked  int
}

func cutAt(w http.ResponseWriter, r *http.Request, v version, n int) { v.serve(cutAfter(w, n), r) }

func failures() map[string]failing {
	all := map[string]failing{
		"nothing more": {"", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 0 {
				cutAt(w, r, older, 100_000)
			} else {
				w.Header().Set("Content-Range", span(start(r), fileSize))
				w.Header().Set("ETag", older.etag)
				w.Header().Set("Content-Length", fmt.Sprint(fileSize-start(r)))
				w.WriteHeader(http.StatusPartialContent)
			}
		}, fault.FetchTruncated, 4},
		"once": {`{"resumptions":1}`, func(w http.ResponseWriter, r *http.Request, n int) {
			if n > 0 {
				panic(http.ErrAbortHandler)
			}
			cutAt(w, r, older, 100_000)
		}, fault.FetchServerError, 2},
		"never": {`{"resumptions":0}`, func(w http.ResponseWriter, r *http.Request, _ int) {
			cutAt(w, r, older, 100_000)
		}, fault.FetchTruncated, 1},
		"cannot go on": {"", func(w http.ResponseWriter, r *http.Request, _ int) {
			cutAt(w, r, version{data: older.data}, 100_000)
		}, fault.FetchTruncated, 1},
		"starts over each time": {"", func(w http.ResponseWriter, r *http.Request, _ int) {
			r.Header.Del("Range")
			cutAt(w, r, older, 100_000)
		}, fault.FetchTruncated, 4},
	}
	maps.Copy(all, laterFailures())
	return all
}

// laterFailures are those of a server that begins well.
func laterFailures() map[string]failing {
	return map[string]failing{
		"is down then": {`{"resumptions":2}`, func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 0 {
				cutAt(w, r, older, 100_000)
			}
			w.WriteHeader(http.StatusBadGateway)
		}, fault.FetchServerError, 3},
		"is gone then": {"", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 0 {
				cutAt(w, r, older, 100_000)
			}
			w.WriteHeader(http.StatusNotFound)
		}, fault.FetchNotFound, 2},
		"wants to be left alone": {"", func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 0 {
				cutAt(w, r, older, 100_000)
			}
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, fault.FetchRateLimited, 2},
		"grows beyond the limit": {`{"max_bytes":"4MB"}`, func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 0 {
				w.Header().Set("ETag", older.etag) // and no length
				_, _ = w.Write(older.data[:100_000])
				panic(http.ErrAbortHandler)
			}
			partial(w, older.etag, span(start(r), 5_000_000), make([]byte, 5_000_000-start(r)))
		}, fault.FetchTooLarge, 2},
		"claims to have more": {"", func(w http.ResponseWriter, r *http.Request, _ int) {
			if start(r) > 0 {
				older.serve(w, r) // there is no rest
				return
			}
			w.Header().Set("ETag", older.etag)
			w.Header().Set("Content-Length", fmt.Sprint(fileSize+1))
			_, _ = w.Write(older.data)
			panic(http.ErrAbortHandler)
		}, fault.FetchTruncated, 7},
	}
}

// TestGivesUp asks for the rest as often as it may when that brings nothing.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	for name, test := range failures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.answer)
			j := newJob(t, anywhere(), from(s.url)...)
			j.config = test.config
			if _, err := j.attempt(-1); !fault.Has(err, test.want) {
				t.Errorf("got %v", err)
			}
			if n := len(s.requests()); n != test.asked {
				t.Errorf("asked %d times, not %d", n, test.asked)
			}
		})
	}
}

// TestOneByteAtATime is stopped from outside: each byte counts as getting on.
func TestOneByteAtATime(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { older.serve(cutAfter(w, 1), r) })
	j := newJob(t, anywhere(), from(s.url)...)
	j.crash(5)
	if n := len(s.requests()); n < 5 || n > 6 {
		t.Errorf("asked %d times for 5 bytes", n)
	}
}

// TestSeveralAtOnce kills a step with several sources of which some are complete,
// some begun and some not.
func TestSeveralAtOnce(t *testing.T) {
	t.Parallel()
	files := map[string]version{}
	var sources []events.Source
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { files[r.URL.Path].serve(w, r) })
	for i := range 9 {
		path := fmt.Sprint("/", i)
		files[path] = version{content(uint64(i))[:fileSize/(1+i%3)], fmt.Sprintf("%q", path), time.Time{}}
		sources = append(sources, events.Source{URL: s.url + path})
	}
	sources = append(sources, events.Source{Inline: []byte("in line"), Name: "x"})
	whole := newJob(t, anywhere(), sources...)
	want, err := whole.attempt(-1)
	if err != nil {
		t.Fatal(err)
	}
	const cost = 2 << 20 // twice what may be written between two offers, by four
	j := newJob(t, anywhere(), sources...)
	j.bytes = cost
	kills := []int64{3 << 20, 7 << 20, 11 << 20, 15 << 20}
	for _, at := range kills {
		j.crash(at)
	}
	got, err := j.attempt(-1)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range want.Files {
		if got.Files[i] != f {
			t.Errorf("file %d is %v and not %v", i, got.Files[i], f)
		}
	}
	if again := j.moved - whole.moved; again > int64(len(kills))*cost {
		t.Errorf("%d bytes were fetched again", again)
	}
}

// TestManySources kills a step with as many sources as there may be. Of those
// that were complete, few are asked for again.
func TestManySources(t *testing.T) {
	t.Parallel()
	const n, size = 1000, 4 << 10
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("Content-Type", "text/x-"+r.URL.Path[len(r.URL.Path)-1:])
		w.Header().Set("ETag", fmt.Sprintf("%q", r.URL.Path))
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(strings.Repeat(r.URL.Path, size/len(r.URL.Path))))
	})
	var sources []events.Source
	for i := range n {
		sources = append(sources, events.Source{URL: fmt.Sprint(s.url, "/", i)})
	}
	whole := newJob(t, anywhere(), sources...)
	want, err := whole.attempt(-1)
	if err != nil {
		t.Fatal(err)
	}
	j := newJob(t, anywhere(), sources...)
	j.crash(whole.moved * 9 / 10)
	before := len(s.requests())
	got, err := j.attempt(-1)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range want.Files {
		if got.Files[i] != f {
			t.Fatalf("file %d is %v and not %v", i, got.Files[i], f)
		}
	}
	if asked := len(s.requests()) - before; asked > n/10+crashCost/size+8 {
		t.Errorf("asked %d times again", asked)
	}
}

// TestLostFile fetches again what was complete and is not in the store any more.
func TestLostFile(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.URL.Path == "/small" {
			version{data: []byte("small"), etag: `"s"`}.serve(w, r)
			return
		}
		older.serve(w, r)
	})
	j := newJob(t, anywhere(), events.Source{URL: s.url + "/small"}, events.Source{URL: s.url + "/large"})
	j.crash(2 << 20)
	small, err := j.store.Put(t.Context(), strings.NewReader("small"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.store.Delete(t.Context(), small.Digest); err != nil {
		t.Fatal(err)
	}
	r, err := j.attempt(-1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.store.Stat(t.Context(), r.Files[0].Digest); err != nil || r.Files[0].Digest != small.Digest {
		t.Errorf("%v: %v", r.Files[0], err)
	}
}

// TestOneFailsOthersKeep saves the places of all sources when one fails.
func TestOneFailsOthersKeep(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	var once sync.Once
	hold := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.URL.Path == "/late" {
			<-hold
			if late.Add(1) == 1 {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			older.serve(w, r)
			return
		}
		if r.Header.Get("Range") == "" {
			older.serve(&pausing{w, 2 << 20, r.Context()}, r)
			return
		}
		older.serve(w, r)
	})
	j := newJob(t, anywhere(), events.Source{URL: s.url + "/a"}, events.Source{URL: s.url + "/late"})
	j.bytes = 64 << 20 // nothing is worth saving on the way
	j.seen = func(done int64) {
		if done >= 2<<20 {
			once.Do(func() { close(hold) })
		}
	}
	if _, err := j.attempt(-1); !fault.Has(err, fault.FetchNotFound) {
		t.Fatal(err)
	}
	moved := j.moved
	if _, err := j.attempt(-1); err != nil {
		t.Fatal(err)
	}
	if moved != 2<<20 || j.resumed.Done != moved || j.moved != 2*fileSize {
		t.Errorf("went on at %d after %d, %d in all", j.resumed.Done, moved, j.moved)
	}
}

// pausing is an answer that hangs after some bytes of the body.
type pausing struct {
	http.ResponseWriter
	left int
	ctx  context.Context // of the request
}

func (p *pausing) Write(b []byte) (int, error) {
	n, err := p.ResponseWriter.Write(b[:min(len(b), p.left)])
	if p.left -= n; err == nil && p.left == 0 {
		if err := http.NewResponseController(p.ResponseWriter).Flush(); err != nil {
			return n, err
		}
		<-p.ctx.Done()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// TestMirrorGone goes on when a server that was there is not any more: the failure
// is that of reaching it.
func TestMirrorGone(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(older.serve))
	j := newJob(t, anywhere(), from(s.URL)...)
	j.crash(2 << 20)
	s.Close()
	if _, err := j.attempt(-1); !fault.Has(err, fault.FetchUnreachable) {
		t.Errorf("got %v", err)
	}
}
