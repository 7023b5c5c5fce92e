package client_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
)

// content returns bytes that do not repeat soon.
func content(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func write(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSubmitFile(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	data := content(11 << 20)
	path := write(t, "data.bin", data)
	var sent, total atomic.Int64
	r, err := c.SubmitFile(t.Context(), path, client.FileJob{
		Pipeline: "keep", Key: "k", Params: map[string]string{"level": "3", "note": "3"}, Labels: map[string]string{"a": "b"},
		Upload: client.Upload{MediaType: "image/png", Progress: func(s, n int64) {
			if s < sent.Load() {
				t.Errorf("progress goes back from %d to %d", sent.Load(), s)
			}
			sent.Store(s)
			total.Store(n)
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "progress", []int64{sent.Load(), total.Load()}, []int64{11 << 20, 11 << 20})
	same(t, "key", r.Key, "k")
	var s events.Submission
	if err := json.Unmarshal(w.Conductor.Submissions()[0].Data, &s); err != nil {
		t.Fatal(err)
	}
	same(t, "submission", s, events.Submission{
		Key: "k", Params: json.RawMessage(`{"level":3,"note":"3"}`), Labels: map[string]string{"a": "b"},
		Files: []events.Source{{Name: "data.bin", Digest: digestOf(data), Size: 11 << 20, MediaType: "image/png"}},
	})

	var out bytes.Buffer
	n, err := c.Download(t.Context(), digestOf(data), &out, nil)
	if err != nil || n != 11<<20 || !bytes.Equal(out.Bytes(), data) {
		t.Errorf("download: %d %v", n, err)
	}
}

func TestSubmitFileRefusals(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{Upload: 1000})
	small := write(t, "small", []byte("x"))
	for _, x := range []struct {
		name, path string
		job        client.FileJob
		code       fault.Code
	}{
		{"no such pipeline", small, client.FileJob{Pipeline: "nope"}, fault.PipelineNotFound},
		{"no pipeline", small, client.FileJob{}, fault.PipelineNotFound},
		{"not a number", small, client.FileJob{Pipeline: "keep", Params: map[string]string{"level": "x"}}, fault.SubmitBadParams},
		{"params twice", small, client.FileJob{Pipeline: "keep", Params: map[string]string{"level": "1"}, RawParams: json.RawMessage(`{}`)}, fault.SubmitBadParams},
		{"no such file", small + "x", client.FileJob{Pipeline: "keep"}, fault.FetchNotFound},
		{"a folder", filepath.Dir(small), client.FileJob{Pipeline: "keep"}, fault.FetchNotAFile},
		{"too large", write(t, "large", content(1001)), client.FileJob{Pipeline: "keep"}, fault.ArtifactTooLarge},
		{"much too large", write(t, "larger", content(20<<20)), client.FileJob{Pipeline: "keep"}, fault.ArtifactTooLarge},
		{"a bad name", small, client.FileJob{Pipeline: "keep", Upload: client.Upload{Name: "a/b"}}, fault.SubmitBadName},
	} {
		if _, err := c.SubmitFile(t.Context(), x.path, x.job); !fault.Has(err, x.code) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
	same(t, "submissions", len(w.Conductor.Submissions()), 0)
}

func TestUploads(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t, gateway.Limits{})
	empty, err := c.UploadFile(t.Context(), write(t, "empty", nil), client.Upload{})
	if err != nil || empty.Size != 0 || empty.Digest != digestOf(nil) || empty.Name != "empty" {
		t.Errorf("empty: %+v %v", empty, err)
	}
	f, err := c.Upload(t.Context(), io.MultiReader(strings.NewReader("a stream")), client.Upload{Name: "s"})
	if err != nil || f.Digest != digestOf([]byte("a stream")) {
		t.Errorf("stream: %+v %v", f, err)
	}
	f, err = c.Upload(t.Context(), strings.NewReader("known"), client.Upload{Size: 5})
	if err != nil || f.Size != 5 {
		t.Errorf("known size: %+v %v", f, err)
	}
	// What is longer than announced is cut; what is shorter has changed.
	if f, err = c.Upload(t.Context(), strings.NewReader("longer"), client.Upload{Size: 5}); err != nil || f.Digest != digestOf([]byte("longe")) {
		t.Errorf("longer: %+v %v", f, err)
	}
	if _, err = c.Upload(t.Context(), io.MultiReader(strings.NewReader("shorter")), client.Upload{Size: 50}); !fault.Has(err, fault.FetchChanged) {
		t.Errorf("shorter: %v", err)
	}
	if _, err = c.Upload(t.Context(), io.MultiReader(strings.NewReader("x"), broken{}), client.Upload{}); !fault.Has(err, fault.FetchUnreadable) {
		t.Errorf("unreadable: %v", err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the disk is broken") }

func TestDownloadRefusals(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t, gateway.Limits{})
	if _, err := c.Download(t.Context(), digestOf([]byte("never seen")), io.Discard, nil); !fault.Has(err, fault.ArtifactNotFound) {
		t.Errorf("not there: %v", err)
	}
	if _, err := c.Download(t.Context(), "sha256:x", io.Discard, nil); !fault.Has(err, fault.ArtifactBadDigest) {
		t.Errorf("no digest: %v", err)
	}
	f, err := w.Store.Put(t.Context(), bytes.NewReader(content(1000)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Download(t.Context(), f.Digest, full{}, nil); !fault.Has(err, fault.ArtifactIO) {
		t.Errorf("a full disk: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// flaky is a server that breaks connections.
type flaky struct {
	mu    sync.Mutex
	seen  []string // "METHOD path range"
	url   string
	serve func(n int, w http.ResponseWriter, r *http.Request)
}

// requests returns what was asked so far.
func (f *flaky) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.seen...)
}

func newFlaky(t *testing.T, serve func(n int, w http.ResponseWriter, r *http.Request)) (*flaky, *client.Client) {
	t.Helper()
	f := &flaky{serve: serve}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	f.url = s.URL
	return f, connect(t, client.Config{Server: s.URL})
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.seen = append(f.seen, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
	n := len(f.seen)
	f.mu.Unlock()
	f.serve(n, w, r)
}

func TestDownloadGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	data := content(300_000)
	path := "/v1/artifacts/" + digestOf(data)
	f, c := newFlaky(t, func(n int, w http.ResponseWriter, r *http.Request) {
		from := 0
		if rng := r.Header.Get("Range"); rng != "" {
			if _, err := fmt.Sscanf(rng, "bytes=%d-", &from); err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(data[from:min(from+100_000, len(data))])
		if from+100_000 < len(data) {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	var out bytes.Buffer
	var last int64
	n, err := c.Download(t.Context(), digestOf(data), &out, func(done, total int64) {
		if done < last || total != int64(len(data)) {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	})
	if err != nil || n != int64(len(data)) || !bytes.Equal(out.Bytes(), data) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	same(t, "requests", f.requests(), []string{"GET " + path, "GET " + path + " bytes=100000-", "GET " + path + " bytes=200000-"})
}

func TestDownloadIsVerified(t *testing.T) {
	t.Parallel()
	_, c := newFlaky(t, func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("forged")) })
	if _, err := c.Download(t.Context(), digestOf([]byte("real")), io.Discard, nil); !fault.Has(err, fault.HTTPDigestMismatch) {
		t.Errorf("forged content: %v", err)
	}
}

func TestUploadIsSentAgain(t *testing.T) {
	t.Parallel()
	data := content(200_000)
	_, c := newFlaky(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n < 3 {
			_, _ = io.CopyN(io.Discard, r.Body, 50_000)
			panic(http.ErrAbortHandler)
		}
		store(t, w, r)
	})
	f, err := c.UploadFile(t.Context(), write(t, "f", data), client.Upload{})
	if err != nil || f.Digest != digestOf(data) {
		t.Errorf("%+v %v", f, err)
	}
}

// store answers an upload as a store does.
func store(t *testing.T, w http.ResponseWriter, r *http.Request) {
	t.Helper()
	got, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	_ = json.NewEncoder(w).Encode(events.File{Digest: digestOf(got), Size: int64(len(got))})
}

func TestUploadThatCannotBeSentAgain(t *testing.T) {
	t.Parallel()
	f, c := newFlaky(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 1)
		panic(http.ErrAbortHandler)
	})
	_, err := c.Upload(t.Context(), io.MultiReader(bytes.NewReader(content(100_000))), client.Upload{})
	if !fault.Has(err, fault.ClientInterrupted) {
		t.Errorf("error %v", err)
	}
	same(t, "requests", len(f.requests()), 1)
}

func TestStoreHasOtherContent(t *testing.T) {
	t.Parallel()
	_, c := newFlaky(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = json.NewEncoder(w).Encode(events.File{Digest: digestOf([]byte("other"))})
	})
	if _, err := c.Upload(t.Context(), strings.NewReader("mine"), client.Upload{}); !fault.Has(err, fault.HTTPDigestMismatch) {
		t.Errorf("error %v", err)
	}
}
