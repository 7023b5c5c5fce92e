package stagetest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Sizes of a rehearsal, in bytes. A place is saved several times for even small
// content, and so is a chunk.
const (
	minBytes, maxBytes = 32 << 10, 16 << 20
	minChunk, maxChunk = 4 << 10, 1 << 20
)

// rehearsal is a case as it goes when nothing happens.
type rehearsal struct {
	k     *Kit
	c     Case
	rnd   *rand.Rand
	disk  *memstore.Store // with the inputs
	files []events.File
	// bytes may be done again after a crash, and chunk are stored at once.
	bytes, chunk int64

	want  stage.Result
	calls []point
	// moved and read are how many bytes went through the store, and how many of
	// the inputs were read; saves is how many places were saved.
	moved, read int64
	saves       int
	// effects is what has changed outside.
	effects map[string]string
	jobs    int
}

// rehearse runs the case undisturbed: without checkpoints first, and then with
// as many as its size allows.
func (k *Kit) rehearse(t *testing.T, c Case) *rehearsal {
	t.Helper()
	r := k.prepare(t, c, maxChunk, -1)
	plain := r.undisturbed(t, "without checkpoints")
	moved := plain.gate.moved
	if moved < 64*maxChunk {
		chunk := int64(minChunk)
		for chunk < maxChunk && chunk*64 < moved {
			chunk *= 2
		}
		jobs := r.jobs
		r = k.prepare(t, c, chunk, 0)
		r.jobs = jobs
	}
	r.bytes = min(max(moved/8, minBytes), maxBytes)
	r.want = plain.result()
	return r.record(t)
}

// prepare puts the inputs of a case into a store with that chunk size.
func (k *Kit) prepare(t *testing.T, c Case, chunk, bytes int64) *rehearsal {
	t.Helper()
	h := fnv.New64a()
	h.Write([]byte(c.Name))
	rnd := rand.New(rand.NewPCG(k.Seed, h.Sum64()))
	r := &rehearsal{k: k, c: c, rnd: rnd, disk: memstore.New(), chunk: chunk, bytes: bytes}
	s := artifact.New(gatedStore{r.disk, newGate(nil)}, &artifact.Options{ChunkSize: chunk})
	defer s.Close()
	for _, f := range c.Files {
		r.files = append(r.files, f.put(t, s))
	}
	return r
}

// record runs the case with checkpoints and notes what it does.
func (r *rehearsal) record(t *testing.T) *rehearsal {
	t.Helper()
	i := r.undisturbed(t, "with checkpoints")
	r.calls, r.moved, r.read, r.saves = i.gate.calls, i.gate.moved, i.gate.read, i.gate.saves()
	r.judge(t, "undisturbed", i)
	if n := i.w.disk.Unfinished(); n > 0 {
		t.Errorf("%s: %d readers or writers are left open", r.where("undisturbed"), n)
	}
	return r
}

// undisturbed runs the case in a job of its own.
func (r *rehearsal) undisturbed(t *testing.T, how string) *incarnation {
	t.Helper()
	x := r.trial(t)
	i := x.next().start()
	i.wait(t, r.where(how))
	r.effects = x.effects()
	if r.c.Fault == "" && i.err != nil {
		t.Fatalf("%s: %v", r.where(how), i.err)
	}
	x.cleanUp(r.where(how), i.res)
	return i
}

// where names what is tried, for a complaint.
func (r *rehearsal) where(what string) string {
	return fmt.Sprintf("seed %d, case %q, %s", r.k.Seed, r.c.Name, what)
}

// judge compares what an attempt has come to with what it comes to undisturbed,
// and checks that its files are there.
func (r *rehearsal) judge(t *testing.T, where string, i *incarnation) {
	t.Helper()
	switch {
	case r.c.Fault != "":
		if !fault.Has(i.err, r.c.Fault) {
			t.Errorf("%s: got %v, want %s", where, i.err, r.c.Fault)
		}
		return
	case i.err != nil:
		t.Errorf("%s: the attempt fails: %v", where, i.err)
		return
	}
	if diff := cmp.Diff(r.want, i.result()); diff != "" {
		t.Errorf("%s: another result (-undisturbed +this): %s", where, diff)
		return
	}
	i.w.intact(t, where, i.res.Files)
}

// result is what the attempt returned, without the name of its job.
func (i *incarnation) result() stage.Result {
	res := stage.Result{Files: i.res.Files}
	if i.res.Findings != nil {
		res.Findings = map[string]string{}
	}
	for key, value := range i.res.Findings {
		res.Findings[key] = strings.ReplaceAll(value, i.task.Job, "(job)")
	}
	return res
}
