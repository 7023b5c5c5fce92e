package mill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/flow"
)

// The short run is for every change. The long one:
//
//	go test ./services/mill -run Crash -crash.jobs 2000 -crash.kills 50 -timeout 30m
var (
	crashJobs  = flag.Int("crash.jobs", 150, "jobs of the crash tests")
	crashKills = flag.Int("crash.kills", 8, "kills of the crash tests")
	crashSeed  = flag.Uint64("crash.seed", 0, "seed of the crash tests; 0 takes one from the clock")
)

const crashSteps = `    - id: fetch
      uses: fetch@1
    - id: identify
      uses: identify@1
    - id: hash
      uses: hash@1
    - id: compress
      uses: compress@1
    - id: publish
      uses: publish@1
`

// TestCrashEmbedded kills the whole mill, broker included, again and again.
func TestCrashEmbedded(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t)
	m := newProcess(t, "mill", childConfig{Mill: &childMill{
		DataDir: w.dir, NATSListen: local(w.port), PublishDir: w.published,
	}})
	w.run([]*process{m})
}

// TestCrashExternal kills broker, conductors and workers of a mill that is
// spread over processes.
func TestCrashExternal(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t)
	var c childConfig
	c.Broker.Dir, c.Broker.Port = filepath.Join(w.dir, "broker"), w.port
	all := []*process{newProcess(t, "broker", c)}
	for i, roles := range [][]string{{"conductor"}, {"conductor"}, {"stages"}, {"stage:fetch", "stage:compress", "stage:publish"}} {
		name := fmt.Sprintf("%s-%d", roles[0], i)
		all = append(all, newProcess(t, name, childConfig{Mill: &childMill{
			DataDir: filepath.Join(w.dir, name), NATSURL: "nats://" + local(w.port), Roles: roles,
			PublishDir: w.published, ArtifactDir: filepath.Join(w.dir, "artifacts"),
		}}))
	}
	w.run(all)
}

// crashWorld is a set of jobs, and what must have become of them.
type crashWorld struct {
	t              *testing.T
	ctx            context.Context
	rand           *rand.Rand
	dir, published string
	port           int
	conn           *bus.Conn
}

func newCrashWorld(t *testing.T) *crashWorld {
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d: repeat with -crash.seed %d", seed, seed)
	dir := t.TempDir()
	return &crashWorld{
		t: t, ctx: t.Context(), rand: rand.New(rand.NewPCG(seed, 1)), dir: dir,
		published: filepath.Join(dir, "published"), port: freePort(t),
	}
}

// run starts the processes, submits jobs while it kills them at random moments,
// and checks that nothing came to harm.
func (w *crashWorld) run(all []*process) {
	w.t.Helper()
	for _, p := range all {
		if err := p.start(); err != nil {
			w.t.Fatal(err)
		}
	}
	w.connect()
	w.apply("crash", crashSteps)
	jobs, submitted := fewer(*crashJobs), make(chan error, 1)
	go func() { submitted <- w.submit(jobs) }()
	for i := range *crashKills {
		time.Sleep(time.Duration(20+w.rand.IntN(600)) * time.Millisecond)
		p := all[w.rand.IntN(len(all))]
		p.kill()
		if err := p.start(); err != nil {
			w.t.Fatalf("kill %d: %v", i+1, err)
		}
	}
	if err := <-submitted; err != nil {
		w.t.Fatal(err)
	}
	w.awaitAll(jobs)
	w.checkRecords(jobs)
	w.checkFiles(jobs)
}

func (w *crashWorld) connect() {
	w.t.Helper()
	var err error
	w.conn, err = bus.Connect(w.ctx, bus.Options{URL: "nats://" + local(w.port), Name: "crash test"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = w.conn.Close() })
}

// submit hands in every job, again and again until the broker says that it has
// it; the key makes that harmless.
func (w *crashWorld) submit(n int) error {
	for i := range n {
		body, err := json.Marshal(events.Submission{
			Key: key(i), Files: []events.Source{{Name: name(i), Inline: content(i)}},
		})
		if err != nil {
			return err
		}
		for {
			ctx, cancel := context.WithTimeout(w.ctx, 3*time.Second)
			err = w.conn.Publish(ctx, bus.Out{
				Subject: events.SubmitSubject(events.DefaultTenant, "crash"), ID: key(i), Data: body,
			})
			cancel()
			if err == nil {
				break
			}
			if w.ctx.Err() != nil {
				return fmt.Errorf("job %d: %w", i, err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return nil
}

func key(i int) string  { return fmt.Sprintf("crash-%d", i) }
func name(i int) string { return fmt.Sprintf("file-%d.txt", i) }

// content is the file of job i: different for each, up to 32 KiB.
func content(i int) []byte {
	line := fmt.Appendf(nil, "line of job %d\n", i)
	return bytes.Repeat(line, 1+(i*37)%1500)
}

// awaitAll waits until n jobs are final.
func (w *crashWorld) awaitAll(n int) {
	w.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		states := w.states()
		final := 0
		for _, s := range states {
			if flow.Final(s) {
				final++
			}
		}
		if final >= n {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%d of %d jobs have ended, %d are known: stuck ones: %s", final, n, len(states), w.stuck(states))
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// states is the newest state of every job.
func (w *crashWorld) states() map[string]events.JobState {
	states := make(map[string]events.JobState)
	err := w.conn.Scan(w.ctx, bus.Scan{
		Stream: events.StreamEvents, Filters: []string{events.AllEvents}, LastPerSubject: true, HeadersOnly: true,
	}, func(m *bus.Message) error {
		t, _ := events.Tokens(m.Subject, "events", 4)
		states[t[2]] = events.JobState(m.Header[events.HeaderState])
		return nil
	})
	if err != nil {
		w.t.Logf("scan: %v", err)
	}
	return states
}

func (w *crashWorld) stuck(states map[string]events.JobState) string {
	var out string
	for id, s := range states {
		if flow.Final(s) {
			continue
		}
		m, err := w.conn.Last(w.ctx, events.StreamEvents, events.HistoryFilter(events.DefaultTenant, id))
		if err != nil {
			return err.Error()
		}
		out += fmt.Sprintf("\n%s %s: %s", id, s, m.Data)
		if len(out) > 8000 {
			break
		}
	}
	return out
}

// checkRecords holds every record against the rules: revisions without a gap,
// one job per key, each completed, and a history that replays to its end.
func (w *crashWorld) checkRecords(n int) {
	w.t.Helper()
	history := make(map[string][]events.Record)
	err := w.conn.Scan(w.ctx, bus.Scan{Stream: events.StreamEvents, Filters: []string{events.AllEvents}}, func(m *bus.Message) error {
		var r events.Record
		if err := json.Unmarshal(m.Data, &r); err != nil {
			return err
		}
		history[r.Job.ID] = append(history[r.Job.ID], r)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(history) != n {
		w.t.Errorf("%d jobs are recorded, want %d", len(history), n)
	}
	plan := planOf(w.t, pipelineFile("crash", crashSteps))
	for i := range n {
		records := history[events.JobID(events.DefaultTenant, key(i))]
		if len(records) == 0 {
			w.t.Errorf("job %d is lost", i)
			continue
		}
		for r, rec := range records {
			if rec.Revision != uint64(r+1) {
				w.t.Errorf("job %d: record %d has revision %d", i, r+1, rec.Revision)
			}
		}
		j, err := flow.Replay(plan, records)
		if err != nil {
			w.t.Errorf("job %d: %v", i, err)
		}
		if j.State != events.JobCompleted {
			w.t.Errorf("job %d ended as %s: %+v", i, j.State, j.Fault)
		}
	}
}

// checkFiles looks for every published file: there, whole, once, and nothing else.
func (w *crashWorld) checkFiles(n int) {
	w.t.Helper()
	found := make(map[string]int)
	err := filepath.WalkDir(w.published, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			found[filepath.Base(path)]++
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(found) != n {
		w.t.Errorf("%d files are published, want %d", len(found), n)
	}
	dec, err := zstd.NewReader(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer dec.Close()
	for i := range n {
		path := filepath.Join(w.published, events.JobID(events.DefaultTenant, key(i)), name(i)+".zst")
		packed, err := os.ReadFile(path)
		if err != nil {
			w.t.Errorf("job %d: %v", i, err)
			continue
		}
		got, err := dec.DecodeAll(packed, nil)
		if err != nil || !bytes.Equal(got, content(i)) {
			w.t.Errorf("job %d: published %d bytes are not the file (%v)", i, len(packed), err)
		}
		if found[filepath.Base(path)] != 1 {
			w.t.Errorf("job %d: published %d times", i, found[filepath.Base(path)])
		}
	}
}
