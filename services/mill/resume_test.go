package mill_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/flow"
)

// resumeSteps take a while with a large file, and save places on the way.
const resumeSteps = `    - {id: fetch, uses: fetch@1}
    - {id: hash, uses: hash@1, with: {algorithms: [sha512]}}
    - {id: compress, uses: compress@1}
    - {id: publish, uses: publish@1}
`

const (
	resumeJobs  = 3
	resumeMiB   = 48
	resumeBytes = 2 << 20
)

// TestResumeEmbedded kills the whole mill while it works on large files.
func TestResumeEmbedded(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t)
	m := newProcess(t, "mill", childConfig{Mill: &childMill{
		DataDir: w.dir, NATSListen: local(w.port), PublishDir: w.published,
		AllowPaths: []string{w.dir}, CheckpointBytes: resumeBytes,
	}})
	w.resume([]*process{m}, 5)
}

// TestResumeExternal kills the broker, the conductor and two workers that take
// each other's work over.
func TestResumeExternal(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t)
	var c childConfig
	c.Broker.Dir, c.Broker.Port = filepath.Join(w.dir, "broker"), w.port
	all := []*process{newProcess(t, "broker", c)}
	for i, role := range []string{"conductor", "stages", "stages"} {
		name := fmt.Sprintf("%s-%d", role, i)
		all = append(all, newProcess(t, name, childConfig{Mill: &childMill{
			DataDir: filepath.Join(w.dir, name), NATSURL: "nats://" + local(w.port), Roles: []string{role},
			PublishDir: w.published, ArtifactDir: filepath.Join(w.dir, "artifacts"),
			AllowPaths: []string{w.dir}, CheckpointBytes: resumeBytes,
		}}))
	}
	w.resume(all, 10)
}

// resume runs jobs with large files while it kills the processes.
func (w *crashWorld) resume(all []*process, kills int) {
	w.t.Helper()
	for _, p := range all {
		if err := p.start(); err != nil {
			w.t.Fatal(err)
		}
	}
	w.connect()
	w.apply("crash", resumeSteps)
	files := map[int]string{}
	for i := range resumeJobs {
		files[i] = w.largeFile(i)
		body, err := json.Marshal(events.Submission{Key: key(i), Files: []events.Source{{URL: "file://" + files[i]}}})
		if err != nil {
			w.t.Fatal(err)
		}
		out := bus.Out{Subject: events.SubmitSubject(events.DefaultTenant, "crash"), ID: key(i), Data: body}
		if err := w.conn.Publish(w.ctx, out); err != nil {
			w.t.Fatal(err)
		}
	}
	for i := range kills {
		time.Sleep(time.Duration(100+w.rand.IntN(500)) * time.Millisecond)
		p := all[w.rand.IntN(len(all))]
		p.kill()
		if err := p.start(); err != nil {
			w.t.Fatalf("kill %d: %v", i+1, err)
		}
	}
	w.awaitAll(resumeJobs)
	w.checkResumed(files)
}

// largeFile writes the file of job i.
func (w *crashWorld) largeFile(i int) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name(i))
	var b bytes.Buffer
	noise := make([]byte, 0, 1<<10)
	for n := 0; b.Len() < fewer(resumeMiB)<<20; n++ {
		for noise = noise[:0]; len(noise) < cap(noise); {
			noise = binary.BigEndian.AppendUint64(noise, w.rand.Uint64())
		}
		fmt.Fprintf(&b, "line %d of job %d: %x\n", n, i, noise)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// checkResumed wants every job completed with a history that replays, every file
// published whole, and, of all that was killed, something to have gone on.
func (w *crashWorld) checkResumed(files map[int]string) {
	w.t.Helper()
	plan := planOf(w.t, pipelineFile("crash", resumeSteps))
	resumed, saved := 0, int64(0)
	for i, file := range files {
		id := events.JobID(events.DefaultTenant, key(i))
		var records []events.Record
		scan := bus.Scan{Stream: events.StreamEvents, Filters: []string{events.HistoryFilter(events.DefaultTenant, id)}}
		err := w.conn.Scan(w.ctx, scan, func(m *bus.Message) error {
			var r events.Record
			defer func() { records = append(records, r) }()
			return json.Unmarshal(m.Data, &r)
		})
		if err != nil {
			w.t.Fatal(err)
		}
		j, err := flow.Replay(plan, records)
		if err != nil || j.State != events.JobCompleted {
			w.t.Errorf("job %d ended as %s, %+v (%v)", i, j.State, j.Fault, err)
			continue
		}
		for _, r := range records {
			if r.Type == flow.TypeStepResumed {
				resumed++
				saved += r.Job.Steps[r.Step].Resumed.Done
			}
		}
		if want, got := digestOf(w.t, file, false), digestOf(w.t, filepath.Join(w.published, id, name(i)+".zst"), true); want != got {
			w.t.Errorf("job %d published another file", i)
		}
	}
	w.t.Logf("%d attempts went on, %d MiB were not done again", resumed, saved>>20)
	if resumed == 0 || saved == 0 {
		w.t.Error("nothing went on where it was")
	}
}

// digestOf is the digest of a file, or of what it holds compressed.
func digestOf(t *testing.T, path string, packed bool) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer f.Close()
	var r io.Reader = f
	if packed {
		z, err := zstd.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Errorf("read %s: %v", path, err)
	}
	return hex.EncodeToString(h.Sum(nil))
}
