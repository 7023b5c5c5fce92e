package checkpoint

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

// TestKilledAtEveryRecord kills an attempt at each record that it writes, before
// and after that is stored, and every attempt after it at its first records too.
// The outputs are those of an undisturbed run, and no crash costs more than was
// agreed.
func TestKilledAtEveryRecord(t *testing.T) {
	t.Parallel()
	for _, stored := range []bool{false, true} {
		met := 0
		for at, died := 1, true; died && !t.Failed(); at++ {
			t.Run(fmt.Sprintf("record %d, stored %v", at, stored), func(t *testing.T) {
				died = killAt(t, at, stored)
			})
			met = at - 1
		}
		if met < 8 {
			t.Errorf("only %d records were met", met)
		}
	}
}

// killAt runs a script whose first attempt dies at a record, and the ones after it
// at their first, second and third. It reports whether the first died.
func killAt(t *testing.T, at int, stored bool) bool {
	r := newRig(t)
	s := &script{sizes: []int{100_000, 5_000, 0, 70_000}, strides: every(1_000)}
	want, whole := s.want(t), int64(175_000)
	crashes := int64(0)
	for attempt, where := range []int{at, 1, 2, 3, 1 << 30} {
		ctx, k := newKiller(t.Context(), r.memory, where, stored)
		c := r.chain(attempt+1, func(o *Options) { o.Log = &k.log })
		files, err := s.run(ctx, c)
		_ = c.Close()
		if err == nil {
			same(t, want, files)
			break
		}
		if !k.dead.Load() {
			t.Fatalf("attempt %d: %v", attempt+1, err)
		}
		crashes++
	}
	if again := s.worked - whole; again > crashes*rigBytes {
		t.Fatalf("%d bytes were done again in %d crashes", again, crashes)
	}
	return crashes > 0
}

// TestRandomScripts runs scripts of random outputs and strides, stopped at random
// records and by a store that becomes full at a random write.
func TestRandomScripts(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for round := range 80 {
		t.Run(fmt.Sprint(round), func(t *testing.T) { randomScript(t, random) })
	}
}

func randomScript(t *testing.T, random *rand.Rand) {
	const stride = 1_000
	r := newRig(t)
	s := &script{strides: func() int { return 1 + random.IntN(stride) }}
	whole := int64(0)
	for range 1 + random.IntN(4) {
		n := random.IntN(60_000)
		s.sizes, whole = append(s.sizes, n), whole+int64(n)
	}
	want, stops := s.want(t), int64(0)
	for attempt := 1; ; attempt++ {
		where := 1 + random.IntN(6)
		switch {
		case attempt > 20:
			where = 1 << 30
		case random.IntN(3) == 0:
			r.blobs.FailWrites(random.IntN(60), -1, memstore.ErrFull)
		}
		ctx, k := newKiller(t.Context(), r.memory, where, random.IntN(2) == 0)
		c := r.chain(attempt, func(o *Options) { o.Log = &k.log })
		files, err := s.run(ctx, c)
		_ = c.Close()
		r.blobs.FailWrites(0, 0, nil)
		if err == nil {
			same(t, want, files)
			break
		}
		if !k.dead.Load() && !fault.Has(err, fault.ArtifactDiskFull) {
			t.Fatal(err)
		}
		stops++
	}
	// A stride that is longer than all before it comes unexpected.
	if again := s.worked - whole; again > stops*(rigBytes+2*stride) {
		t.Fatalf("%d bytes were done again after %d stops", again, stops)
	}
}

// TestReadAhead: what a stage reads beyond what it offers counts as work that is
// done again.
func TestReadAhead(t *testing.T) {
	t.Parallel()
	const piece, whole = 2_000, 400_000
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	r := newRig(t)
	worked, stops := int64(0), int64(0)
	for attempt, done := 1, int64(0); done < whole; attempt++ {
		ctx, k := newKiller(t.Context(), r.memory, 2+random.IntN(6), random.IntN(2) == 0)
		c := r.chain(attempt, func(o *Options) { o.Log = &k.log })
		run, _ := resume(t, c)
		run.Ahead(5 * piece)
		done = run.Done()
		for read, err := done, error(nil); err == nil && done < whole; err = run.Offer(ctx, done, whole) {
			for read < whole && read < done+5*piece {
				read, worked = read+piece, worked+piece
			}
			done += piece
		}
		_ = c.Close()
		if k.dead.Load() {
			done, stops = 0, stops+1
		}
	}
	if again := worked - whole; stops < 5 || again > stops*rigBytes {
		t.Errorf("%d bytes were read again in %d stops", again, stops)
	}
}
