package mill_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/pressure"
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

// tiny is a mill of its own process, on a disk of 16 MiB that can become larger.
func tiny(t *testing.T, change func(*childMill)) (*crashWorld, *process, *client.Client) {
	t.Helper()
	w := newCrashWorld(t)
	disk, door := filepath.Join(w.dir, "disk"), freePort(t)
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	m := &childMill{
		DataDir: filepath.Join(w.dir, "data"), NATSListen: local(w.port), HTTPAddr: local(door), DiskReserve: -1,
		ArtifactDir: filepath.Join(disk, "artifacts"), PublishDir: w.published, TinyDisk: disk,
	}
	change(m)
	p := newProcess(t, "mill", childConfig{Mill: m})
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	w.connect()
	c, err := client.New(client.Config{Server: "http://" + local(door)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return w, p, c
}

// github.com/archivematica/Issues/issues/325: the disk is full while a transfer is copied
// in; nobody is told, and the half of it that was copied comes up for approval as if it
// were all. Here the step says that the disk is full, nothing of the half goes on, and
// when there is room all of it does.
func TestStoryArchivematica325HalfCopied(t *testing.T) {
	t.Parallel()
	var from string
	w, p, c := tiny(t, func(m *childMill) {
		from = t.TempDir()
		m.AllowPaths = []string{from}
	})
	sizes := map[string]int{"small.bin": 1 << 10, "large.bin": 24 << 20}
	s := events.Submission{Key: "transfer"}
	for _, name := range []string{"small.bin", "large.bin"} {
		path := filepath.Join(from, name)
		if err := os.WriteFile(path, noise(sizes[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		s.Files = append(s.Files, events.Source{Name: name, URL: "file://" + path})
	}
	w.apply("copy", "    - { id: copy, uses: fetch@1, retry: { maxAttempts: 1000, initial: 200ms, max: 500ms } }\n    - { id: keep, uses: publish@1 }\n")
	in := &world{t: t, conn: w.conn}
	job := in.accepted("copy", s)
	j := in.await(job, "a fault of the disk", func(j events.Job) bool {
		f := j.Steps["copy"].Fault
		return f != nil && f.Code == string(fault.ArtifactDiskFull) && f.Class == string(fault.Resource) && f.Hint != ""
	})
	if j.Steps["keep"].State != events.StepPending || len(filesIn(w.published)(t)) != 0 {
		t.Errorf("half of it has gone on: %+v, %d files", j.Steps["keep"], len(filesIn(w.published)(t)))
	}
	if why := explained(t, c, job, "copy"); !strings.Contains(why.Why, string(fault.ArtifactDiskFull)) || why.Next == "" {
		t.Errorf("the step is %s, because %s; next: %s", why.State, why.Why, why.Next)
	}
	if err := p.poke(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	same(t, "the end", in.final(job).State, events.JobCompleted)
	got := map[string]int{}
	for path, content := range filesIn(w.published)(t) {
		got[filepath.Base(path)] = len(content)
	}
	same(t, "what is kept", got, sizes)
}

// github.com/paperless-ngx/paperless-ngx/issues/8329: files that come while the disk is
// full are skipped and marked as processed, so that they are never taken when there is
// room again, and nobody can tell which. Here what was taken waits, though its budget
// is small, and gets done; what comes meanwhile is refused in so many words; and a file
// that is handed in once more is known by its key.
func TestStoryPaperless8329SkippedFiles(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	w, p, c := tiny(t, func(m *childMill) { m.DiskPark, m.AllowPaths = pressure.Mark{Bytes: 8 << 20}, []string{from} })
	w.apply("fill", "    - { id: fill, uses: simulate@1, with: { emit: [ { name: a.bin, bytes: 12MiB, seed: 1 } ] } }\n")
	w.apply("consume", "    - { id: store, uses: fetch@1, retry: { maxAttempts: 4, initial: 50ms, max: 100ms } }\n")
	in := &world{t: t, conn: w.conn}
	in.final(w.hand("fill", "full"))
	eventually(t, "the stages rest", func() bool {
		h, err := c.Health(t.Context())
		return err == nil && strings.HasPrefix(h.Checks["disk"], "parked")
	})
	mail := func(key string) events.Submission {
		path := filepath.Join(from, key)
		if err := os.WriteFile(path, append(noise(6<<20), key...), 0o600); err != nil {
			t.Fatal(err)
		}
		return events.Submission{Key: key, Files: []events.Source{{Name: key, URL: "file://" + path}}}
	}
	keys := []string{"mail-1", "mail-2", "mail-3"}
	var jobs []string
	for _, key := range keys {
		jobs = append(jobs, in.accepted("consume", mail(key)))
	}
	late := mail("mail-4")
	body := fmt.Sprintf(`{"pipeline":"consume","key":"mail-4","files":[{"name":"mail-4","url":%q}]}`, late.Files[0].URL)
	a, err := http.Post(c.Server()+"/v1/jobs", events.ContentTypeJSON, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	if after := a.Header.Get("Retry-After"); a.StatusCode != http.StatusInsufficientStorage || after == "" {
		t.Errorf("a file that comes now is answered %d, come again after %q", a.StatusCode, after)
	}
	for i, key := range keys {
		r, problem := in.submit("consume", mail(key))
		if problem != nil || !r.Duplicate || r.Job != jobs[i] || flow.Final(r.State) {
			t.Errorf("%s once more is answered %+v, %+v", key, r, problem)
		}
	}
	if err := p.poke(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	for _, job := range append(jobs, in.accepted("consume", late)) {
		j := in.final(job)
		if files := j.Steps["store"].Files; j.State != events.JobCompleted || len(files) != 1 || files[0].Size != 6<<20+6 {
			t.Errorf("job %s ended as %s with %+v: %+v", j.Key, j.State, files, j.Fault)
		}
	}
}
