package stagetest

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/checkpoint"
)

// world is what outlives the processes that work on one step: what is stored, and
// what is recorded.
type world struct {
	disk  *memstore.Store
	log   *checkpoint.Memory
	chunk int64
	// inputs are the blobs that were there before anybody ran.
	inputs map[string]bool
}

// newWorld returns a world with the inputs that disk holds.
func newWorld(t testing.TB, disk *memstore.Store, chunk int64) *world {
	t.Helper()
	w := &world{disk: clone(t, disk), log: checkpoint.NewMemory(), chunk: chunk, inputs: map[string]bool{}}
	for _, name := range disk.Names() {
		w.inputs[name] = strings.HasPrefix(name, "s/") || strings.HasPrefix(name, "c/") // no manifests
	}
	return w
}

// split returns a world that is the same, with other records.
func (w *world) split(t testing.TB, log *checkpoint.Memory) *world {
	t.Helper()
	return &world{disk: clone(t, w.disk), log: log, chunk: w.chunk, inputs: w.inputs}
}

// open returns the store as the next process sees it, which closes it.
func (w *world) open(g *gate) *artifact.Store {
	return artifact.New(gatedStore{w.disk, g}, &artifact.Options{ChunkSize: w.chunk})
}

// intact checks that the files of a result are in the world as they should be.
func (w *world) intact(t *testing.T, where string, files []events.File) {
	t.Helper()
	s := w.open(newGate(nil))
	defer s.Close()
	for _, f := range files {
		r, err := s.Open(context.WithoutCancel(t.Context()), f.Digest)
		if err != nil {
			t.Errorf("%s: output %q: %v", where, f.Name, err)
			continue
		}
		n, err := r.WriteTo(io.Discard)
		_ = r.Close()
		if err != nil || n != f.Size {
			t.Errorf("%s: output %q has %d bytes and not %d: %v", where, f.Name, n, f.Size, err)
		}
	}
}

// clone copies what is stored.
func clone(t testing.TB, from *memstore.Store) *memstore.Store {
	t.Helper()
	ctx, to := context.WithoutCancel(t.Context()), memstore.New()
	for _, name := range from.Names() {
		r, _, err := from.Read(ctx, name, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		b, err := to.Create(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = io.Copy(b, r); err == nil {
			err = b.Commit(ctx, name)
		}
		_ = r.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}
