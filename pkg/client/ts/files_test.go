package ts_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// content is what the page makes with bytes(size, seed).
func content(size, seed int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7 + i>>8*seed + i>>16)
	}
	return b
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// offsets are those of the pieces that went to an upload, from the nth request on.
func (w *world) offsets(from int) (list []int64) {
	for _, r := range w.line.requests("PATCH", "/v1/uploads/")[from:] {
		at, err := strconv.ParseInt(r.header.Get("Upload-Offset"), 10, 64)
		if err != nil {
			w.t.Error(err)
		}
		list = append(list, at)
	}
	return list
}

// stored compares what the store has with what it should.
func (w *world) stored(f events.File, want []byte) {
	w.t.Helper()
	same(w.t, "digest and size of "+f.Name, []any{f.Digest, f.Size}, []any{digestOf(want), int64(len(want))})
	var got bytes.Buffer
	if _, err := w.golang.Download(w.t.Context(), f.Digest, &got, nil); err != nil || !bytes.Equal(got.Bytes(), want) {
		w.t.Errorf("the store has %d bytes of %s: %v", got.Len(), f.Name, err)
	}
}

// testUpload cuts the line in the middle of the first piece of three.
func testUpload(t *testing.T, w *world) {
	w.line.breaks(cut{method: "PATCH", part: "/v1/uploads/", after: 300_000, sent: true, times: 1})
	got := play[struct {
		File            events.File
		Progress, Again []int64
	}](w, "upload")
	w.stored(got.File, content(3<<20, 1))
	same(t, "name and type", got.File.Name+" "+got.File.MediaType, "lärge.bin image/png")
	same(t, "the last of progress", got.Progress[len(got.Progress)-1], 3<<20)
	same(t, "progress of what is there already", got.Again, []int64{3 << 20})
	sent := w.offsets(0)
	if len(sent) < 4 || sent[0] != 0 || sent[1] > 300_000 || !slices.IsSorted(sent) || len(w.line.requests("HEAD", "/v1/uploads/")) == 0 {
		t.Errorf("pieces at %v", sent)
	}

	files := play[[]events.File](w, "smallUploads")
	for _, f := range files {
		w.stored(f, content(int(f.Size), 1))
	}
	same(t, "small files", len(files), 10)
}

// testResume stops an upload and goes on with it as if the page had been loaded again.
func testResume(t *testing.T, w *world) {
	before := len(w.line.requests("PATCH", "/v1/uploads/"))
	begun := len(w.line.requests("POST", "/v1/uploads/"))
	got := play[struct {
		Ended, Place string
		File, Gone   events.File
	}](w, "resumedUpload")
	same(t, "how it ended", got.Ended, "AbortError")
	w.stored(got.File, content(3<<20, 5))
	w.stored(got.Gone, []byte("another"))
	same(t, "pieces", w.offsets(before), []int64{0, 1 << 20, 2 << 20, 0})
	same(t, "uploads begun", len(w.line.requests("POST", "/v1/uploads/"))-begun, 2)
	same(t, "given up", len(w.line.requests("DELETE", got.Place)), 0)
}

// testSubmitFile cuts the line while what was made is downloaded.
func testSubmitFile(t *testing.T, w *world) {
	w.line.breaks(cut{method: "GET", part: "/v1/artifacts/", after: 200_000, times: 2, waits: true})
	got := play[struct {
		Code, Digest string
		Job          api.Job
		Made         events.File
		Size, Last   int64
		First        int
		Stopped      string
		None         failure
	}](w, "submitFile")
	same(t, "a pipeline that is none", got.Code, string(fault.PipelineNotFound))
	want, err := w.golang.Job(t.Context(), got.Job.Job.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "job", &got.Job, want)
	same(t, "files", want.Job.Files, []events.Source{{Name: "in.bin", Digest: digestOf(content(200_000, 3)), Size: 200_000}})
	same(t, "key and labels", want.Job.Key+want.Job.Labels["batch"], "file-1june")
	same(t, "what was made", []any{got.Digest, got.Size, got.Last}, []any{got.Made.Digest, got.Made.Size, got.Made.Size})
	var ranges []string
	for _, r := range w.line.requests("GET", got.Made.Digest) {
		ranges = append(ranges, r.header.Get("Range"))
	}
	// The last is that of the page when it reads a little and stops.
	same(t, "connections of the download", ranges, []string{"", "bytes=200000-", "bytes=400000-", ""})
	if got.First <= 0 || got.Stopped != "AbortError" {
		t.Errorf("the first %d bytes, and %q after a signal", got.First, got.Stopped)
	}
	same(t, "an artifact that is none", got.None.Code, string(fault.ArtifactNotFound))
}
