package mill_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/services/mill"
)

// TestFullDisk fills the disk of the artifacts while the mill runs. The job says
// so and waits, small work goes on, and when there is room the job completes.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t)
	disk := filepath.Join(w.dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	p := newProcess(t, "mill", childConfig{Mill: &childMill{
		DataDir: filepath.Join(w.dir, "data"), NATSListen: local(w.port), DiskReserve: -1,
		ArtifactDir: filepath.Join(disk, "artifacts"), PublishDir: filepath.Join(disk, "published"),
		TinyDisk: disk,
	}})
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	w.connect()
	w.apply("big", `
    - id: emit
      uses: simulate@1
      with: { emit: [ { name: big.bin, bytes: 40MiB, seed: 7 } ] }
      retry: { maxAttempts: 1000, initial: 200ms, max: 500ms }
    - id: hash
      uses: hash@1
    - id: publish
      uses: publish@1
`)
	w.apply("small", "    - id: hash\n      uses: hash@1\n")
	big := w.hand("big", "big")
	j := w.awaitJob(big, "a fault of the disk", func(j events.Job) bool {
		f := j.Steps["emit"].Fault
		return f != nil && f.Code == "artifact.disk_full" && f.Hint != "" && f.Class == "resource"
	})
	if j.State != events.JobWaiting && j.State != events.JobRunning {
		t.Errorf("the job is %s", j.State)
	}
	small := w.hand("small", "small")
	w.awaitJob(small, "completed", func(j events.Job) bool { return j.State == events.JobCompleted })
	if err := p.poke(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	w.awaitJob(big, "completed", func(j events.Job) bool { return j.State == events.JobCompleted })
}

// apply stores a pipeline in a mill that runs elsewhere.
func (w *crashWorld) apply(name, steps string) {
	w.t.Helper()
	src := []byte(pipelineFile(name, steps))
	if _, _, err := registryOf(w.t, w.conn).Apply(w.ctx, events.DefaultTenant, src); err != nil {
		w.t.Fatal(err)
	}
}

// hand submits a small file and returns the job's id.
func (w *crashWorld) hand(pipeline, key string) string {
	w.t.Helper()
	body := fmt.Appendf(nil, `{"key":%q,"files":[{"name":"x","inline":"eA=="}]}`, key)
	err := w.conn.Publish(w.ctx, bus.Out{Subject: events.SubmitSubject(events.DefaultTenant, pipeline), ID: key, Data: body})
	if err != nil {
		w.t.Fatal(err)
	}
	return events.JobID(events.DefaultTenant, key)
}

func (w *crashWorld) awaitJob(job, what string, want func(events.Job) bool) events.Job {
	w.t.Helper()
	in := &world{t: w.t, conn: w.conn}
	return in.await(job, what, want)
}

// TestHostileSources gives jobs sources that do not behave, and commands that do
// not end. Each job ends with a fault that says what was wrong.
func TestHostileSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *mill.Config) {
		c.AllowPaths, c.AllowCommands = []string{dir}, []string{"/bin/sleep", "/bin/cat", "/usr/bin/yes", "/bin/sh"}
	})
	w.apply("fetching", "    - id: s\n      uses: fetch@1\n      retry: { maxAttempts: 1 }\n")
	w.apply("endless", `
    - id: s
      uses: command@1
      with: { run: [/bin/sleep, "3600"], time_limit: 300ms }
      retry: { maxAttempts: 1 }
`)
	w.apply("chatty", `
    - id: s
      uses: command@1
      with: { run: [/usr/bin/yes], max_output: 1MiB }
      retry: { maxAttempts: 1 }
`)
	url := func(name string) events.Submission {
		return events.Submission{Files: []events.Source{{Name: "x", URL: "file://" + filepath.Join(dir, name)}}}
	}
	for name, c := range map[string]struct {
		pipeline string
		sub      events.Submission
		code     string
	}{
		"vanished": {"fetching", url("gone.txt"), "fetch.not_found"},
		"folder":   {"fetching", url("folder"), "fetch.not_a_file"},
		"pipe":     {"fetching", url("pipe"), "fetch.not_a_file"},
		"symlink":  {"fetching", url("link.txt"), "submit.path_not_allowed"},
		"private":  {"fetching", events.Submission{Files: []events.Source{{Name: "x", URL: "http://169.254.169.254/latest/meta-data"}}}, "fetch.private_address"},
		"endless":  {"endless", inline("", "x"), "command.timeout"},
		"chatty":   {"chatty", inline("", "x"), "command.too_much_output"},
	} {
		t.Run(name, func(t *testing.T) {
			r, p := w.submit(c.pipeline, c.sub)
			if p != nil {
				if !strings.HasPrefix(p.Code, strings.Split(c.code, ".")[0]) && !strings.HasPrefix(p.Code, "submit.") {
					t.Errorf("refused with %+v", *p)
				}
				return
			}
			j := w.final(r.Job)
			f := j.Steps["s"].Fault
			if j.State != events.JobFailed || f == nil || !strings.HasPrefix(f.Code, c.code) || f.Hint == "" {
				t.Errorf("ended as %s with %+v, want %s", j.State, f, c.code)
			}
		})
	}
}
