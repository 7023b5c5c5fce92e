package checkpoint

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/schemas"
)

const (
	rigChunk = 4 << 10
	rigBytes = 32 << 10
)

var (
	rigKey   = Key{Tenant: "default", Job: "job", Step: "pack"}
	rigStart = time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)
	// errKilled is why everything fails after a simulated crash.
	errKilled = fault.New(fault.InternalBug, "killed by the test", nil)
	errDown   = fault.New(fault.BusUnreachable, "by the test", nil)
)

// rig is a store and a log that outlive attempts.
type rig struct {
	t      *testing.T
	memory *Memory
	blobs  *memstore.Store
	store  *artifact.Store

	mu      sync.Mutex
	resumed []events.Resumed
}

func newRig(t *testing.T) *rig {
	t.Helper()
	blobs := memstore.New()
	r := &rig{
		t: t, memory: NewMemory(), blobs: blobs,
		store: artifact.New(blobs, &artifact.Options{ChunkSize: rigChunk}),
	}
	t.Cleanup(func() {
		r.checkRecords()
		if n := blobs.Unfinished(); n != 0 {
			t.Errorf("%d blobs were left open", n)
		}
	})
	return r
}

// options are those of an attempt. The first is fresh.
func (r *rig) options(attempt int) Options {
	return Options{
		Log: r.memory, Store: r.store, Key: rigKey, Stage: "compress@1", Logic: "zstd-1",
		Worker: "host/1", Attempt: attempt, Inputs: "sha256:in", Fresh: attempt == 1,
		Bytes: rigBytes, Every: time.Hour, Now: func() time.Time { return rigStart },
		Resumed: func(_ context.Context, e events.Resumed) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.resumed = append(r.resumed, e)
			return nil
		},
	}
}

// chain is that of an attempt, with changed options.
func (r *rig) chain(attempt int, changes ...func(*Options)) *Chain {
	r.t.Helper()
	o := r.options(attempt)
	for _, change := range changes {
		change(&o)
	}
	c := New(o)
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

// events returns where attempts went on since the last call.
func (r *rig) events() []events.Resumed {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.resumed
	r.resumed = nil
	return list
}

// records are those that are kept, oldest first; they must be whole.
func (r *rig) records() []*events.Checkpoint {
	r.t.Helper()
	kept, err := r.memory.Kept(context.Background(), rigKey)
	must(r.t, err)
	var list []*events.Checkpoint
	for _, e := range kept {
		rec, err := decode(rigKey, e.Data)
		must(r.t, err)
		list = append(list, rec)
	}
	return list
}

// newest is the newest record, which must be whole.
func (r *rig) newest() *events.Checkpoint {
	r.t.Helper()
	last, err := r.memory.Last(context.Background(), rigKey)
	must(r.t, err)
	rec, err := decode(rigKey, last.Data)
	must(r.t, err)
	return rec
}

// checkRecords holds what is kept against the schema. What does not decode was
// damaged by the test.
func (r *rig) checkRecords() {
	r.t.Helper()
	kept, err := r.memory.Kept(context.Background(), rigKey)
	must(r.t, err)
	for _, e := range kept {
		if _, err := decode(rigKey, e.Data); err != nil {
			continue
		}
		for _, p := range schemas.Validate("checkpoint", e.Data) {
			r.t.Errorf("record at %d: %s %s", e.Position, p.Pointer, p.Detail)
		}
	}
}

// change replaces the record that is the i-th from the newest.
func (r *rig) change(i int, change func([]byte) []byte) {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	list := slices.Clone(r.memory.kept[rigKey])
	e := &list[len(list)-1-i]
	e.Data = change(slices.Clone(e.Data))
	r.memory.kept[rigKey] = list
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantFault(t *testing.T, err error, code fault.Code) {
	t.Helper()
	var f *fault.Error
	if !fault.Has(err, code) || !errors.As(err, &f) {
		t.Fatalf("error %v, want %s", err, code)
	}
}

func same(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

// content is what is written to output i of a script.
func content(i, size int) []byte {
	random := rand.New(rand.NewPCG(uint64(i), 7))
	b := make([]byte, size)
	for j := range b {
		b[j] = byte(random.Uint32())
	}
	return b
}

// script is the work of a small stage: it writes its outputs one after the other,
// in strides.
type script struct {
	sizes   []int
	strides func() int
	// worked counts the bytes written by all attempts.
	worked int64
}

// scriptState is what a script remembers.
type scriptState struct {
	Files []events.File `json:"files,omitempty"`
	Done  int64         `json:"done"`
}

// run does the work of an attempt and returns its files.
func (s *script) run(ctx context.Context, c *Chain) ([]events.File, error) {
	var at scriptState
	run, err := c.Resume(ctx, 1, &at)
	if err != nil {
		return nil, err
	}
	if run.Done() != at.Done {
		return nil, errors.New("the run is at another place than the state")
	}
	total := int64(0)
	for _, n := range s.sizes {
		total += int64(n)
	}
	for len(at.Files) < len(s.sizes) {
		if err := s.file(ctx, run, &at, total); err != nil {
			return nil, err
		}
	}
	return at.Files, nil
}

// file writes the rest of one output.
func (s *script) file(ctx context.Context, run *Run, at *scriptState, total int64) error {
	i := len(at.Files)
	w, err := run.Output(ctx, strconv.Itoa(i), &artifact.PutOptions{Name: "f" + strconv.Itoa(i)})
	if err != nil {
		return err
	}
	defer w.Abort()
	rest := content(i, s.sizes[i])[w.Size():]
	for len(rest) > 0 {
		n := min(s.strides(), len(rest))
		s.worked += int64(n)
		if _, err := w.Write(rest[:n]); err != nil {
			return err
		}
		rest, at.Done = rest[n:], at.Done+int64(n)
		if err := run.Offer(ctx, at.Done, total); err != nil {
			return err
		}
	}
	file, err := w.Commit()
	if err != nil {
		return err
	}
	at.Files = append(at.Files, file)
	return run.Offer(ctx, at.Done, total)
}

// want is what the files of a script must be.
func (s *script) want(t *testing.T) []events.File {
	t.Helper()
	store := artifact.New(memstore.New(), nil)
	var files []events.File
	for i, n := range s.sizes {
		w := store.Create(t.Context(), &artifact.PutOptions{Name: "f" + strconv.Itoa(i)})
		_, err := w.Write(content(i, n))
		must(t, err)
		f, err := w.Commit()
		must(t, err)
		files = append(files, f)
	}
	return files
}

// every returns always the same stride.
func every(n int) func() int { return func() int { return n } }
