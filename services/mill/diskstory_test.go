package mill_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// github.com/archivematica/Issues/issues/1790: a transfer whose start fails because the
// storage is away stays in the status unknown for good. Here whoever submits is told at
// once and no job is left behind, and a job that had begun says what it waits for, and
// goes on when the storage is back.
func TestStoryArchivematica1790StorageAway(t *testing.T) {
	t.Parallel()
	var open atomic.Bool
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !open.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("content"))
	}))
	t.Cleanup(source.Close)
	w, c := storyWorld(t)
	w.apply("keep", "    - { id: get, uses: fetch@1, retry: { maxAttempts: 1000, initial: 50ms, max: 100ms } }\n    - { id: pack, uses: compress@1 }\n")
	begun := w.accepted("keep", events.Submission{Key: "begun", Files: []events.Source{{Name: "a.txt", URL: source.URL + "/a"}}})
	w.await(begun, "a fault of the source", func(j events.Job) bool {
		f := j.Steps["get"].Fault
		return f != nil && f.Code == string(fault.FetchServerError) && f.Hint != ""
	})
	back := away(t, w.cfg.DataDir+"/artifacts")
	_, p := w.submit("keep", inline("late", "content"))
	if p == nil || p.Code != string(fault.ArtifactIO) || !p.Retryable || p.Hint == "" {
		t.Fatalf("told %+v", p)
	}
	if _, err := w.last(events.JobID(events.DefaultTenant, "late")); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("a job that was refused has a record: %v", err)
	}
	open.Store(true)
	j := w.await(begun, "a fault of the store", func(j events.Job) bool {
		f := j.Steps["get"].Fault
		return f != nil && f.Code == string(fault.ArtifactIO) && f.Hint != ""
	})
	if why := explained(t, c, begun, "get"); !strings.Contains(why.Why, string(fault.ArtifactIO)) || flow.Final(j.State) {
		t.Errorf("the job is %s, because %s", j.State, why.Why)
	}
	back()
	for _, job := range []string{begun, w.accepted("keep", inline("late", "content"))} {
		if j := w.final(job); j.State != events.JobCompleted {
			t.Errorf("the job ended as %s: %+v", j.State, j.Fault)
		}
	}
}

// away takes what is in a folder away and puts things into its place that cannot be
// used, until back is called.
func away(t *testing.T, dir string) (back func()) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil || len(list) == 0 {
		t.Fatalf("%v: %v", list, err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range list {
		path := filepath.Join(dir, e.Name())
		must(os.Rename(path, path+".away"))
		must(os.WriteFile(path, nil, 0o600))
	}
	return func() {
		for _, e := range list {
			path := filepath.Join(dir, e.Name())
			must(os.Remove(path))
			must(os.Rename(path+".away", path))
		}
	}
}
