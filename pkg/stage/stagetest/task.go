package stagetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// NewTask returns the first attempt at a task, with a store in memory that holds
// the files of c, a scratch folder, and a log that goes to the test's.
func NewTask(t testing.TB, c Case) *stage.Task {
	t.Helper()
	s := artifact.New(memstore.New(), nil)
	t.Cleanup(func() { _ = s.Close() })
	return newTask(t, c, s, "job-of-"+c.Name)
}

func newTask(t testing.TB, c Case, store *artifact.Store, job string) *stage.Task {
	t.Helper()
	task := &stage.Task{
		Job: token(job), Tenant: events.DefaultTenant, Pipeline: "test", Step: "step", Attempt: 1,
		Deadline: time.Now().Add(time.Minute), Sources: c.Sources, RawConfig: json.RawMessage(c.Config),
		Store: store, Scratch: t.TempDir(),
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	for _, f := range c.Files {
		task.Files = append(task.Files, f.put(t, store))
	}
	return task
}

// token makes a name that may be a token of a subject.
func token(s string) string {
	clean := strings.Map(func(r rune) rune {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return '-'
		}
		return r
	}, strings.ToLower(s))
	return clean[:min(len(clean), 64)]
}

func (f Content) put(t testing.TB, store *artifact.Store) events.File {
	t.Helper()
	file, err := store.Put(context.WithoutCancel(t.Context()), f.Reader(), nil)
	if err != nil {
		t.Fatalf("put %s: %v", f.Name, err)
	}
	file.Name, file.MediaType = f.Name, f.MediaType // also a name that the store would refuse
	return file
}

// Reader returns the content.
func (f Content) Reader() io.Reader {
	if f.Data != nil {
		return bytes.NewReader(f.Data)
	}
	h := fnv.New64a()
	h.Write([]byte(f.Name))
	return io.LimitReader(&madeUp{rnd: rand.New(rand.NewPCG(h.Sum64(), 1))}, f.Size)
}

// alphabet is what the text of made-up content says.
const alphabet = "the quick brown fox jumps over the lazy dog "

// madeUp is content without an end, of which every other KiB is text.
type madeUp struct {
	rnd   *rand.Rand
	ready []byte
	buf   [2048]byte
}

func (m *madeUp) Read(p []byte) (int, error) {
	if len(m.ready) == 0 {
		for i := 0; i < 1024; i += 8 {
			binary.LittleEndian.PutUint64(m.buf[i:], m.rnd.Uint64())
		}
		n := 1024 + m.rnd.IntN(len(alphabet))
		for n < len(m.buf) {
			n += copy(m.buf[n:], alphabet)
		}
		m.ready = m.buf[:]
	}
	n := copy(p, m.ready)
	m.ready = m.ready[n:]
	return n, nil
}

// Read returns the content of a file of the task's store.
func Read(t testing.TB, task *stage.Task, f events.File) []byte {
	t.Helper()
	r, err := task.Store.Open(context.WithoutCancel(t.Context()), f.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// run calls Run the way a worker does: a panic is a fault.
func (k *Kit) run(ctx context.Context, task *stage.Task) (r stage.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = stage.Result{}, fault.New(fault.StagePanic, "", nil)
		}
	}()
	return k.Stage.Run(ctx, task)
}

// again returns the next attempt at a task, with a scratch folder of its own.
func again(t testing.TB, task *stage.Task) *stage.Task {
	next := *task
	next.Attempt++
	next.Scratch = t.TempDir()
	next.Report = nil
	return &next
}
