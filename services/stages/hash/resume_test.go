package hash_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/hash"
)

const (
	chunkSize = 64 << 10
	// crashCost is what a crash may cost, besides the block of at most 64 KiB that
	// is checked as one, of which two are read ahead.
	crashCost = 1 << 20
	readAhead = 4 * chunkSize
)

var errKilled = errors.New("killed by the test")

// job is a step whose attempts are killed and go on.
type job struct {
	t        *testing.T
	reads    *reads
	store    *artifact.Store
	log      *checkpoint.Memory
	files    []events.File
	config   string
	attempts int
	resumed  events.Resumed
}

func newJob(t *testing.T, config string, contents ...stagetest.Content) *job {
	t.Helper()
	j := &job{t: t, reads: &reads{Store: memstore.New()}, log: checkpoint.NewMemory(), config: config}
	j.store = artifact.New(j.reads, &artifact.Options{ChunkSize: chunkSize})
	t.Cleanup(func() { _ = j.store.Close() })
	for _, c := range contents {
		f, err := j.store.Put(t.Context(), c.Reader(), &artifact.PutOptions{Name: c.Name})
		if err != nil {
			t.Fatal(err)
		}
		j.files = append(j.files, f)
	}
	return j
}

var key = checkpoint.Key{Tenant: "default", Job: "job", Step: "hash"}

// attempt runs the next attempt, which is killed when it has done so many bytes;
// a negative number means not at all.
func (j *job) attempt(at int64) (stage.Result, error) {
	j.t.Helper()
	j.attempts++
	j.resumed = events.Resumed{}
	chain := checkpoint.New(checkpoint.Options{
		Log: j.log, Store: j.store, Key: key, Stage: "hash@1", Logic: "1", Inputs: "sha256:in",
		Attempt: j.attempts, Fresh: j.attempts == 1, Bytes: crashCost, Every: time.Hour,
		Resumed: func(_ context.Context, e events.Resumed) error {
			j.resumed = e
			return nil
		},
	})
	defer chain.Close()
	ctx, kill := context.WithCancelCause(j.t.Context())
	defer kill(nil)
	last := int64(0)
	return hash.New().Run(ctx, &stage.Task{
		Job: "job", Tenant: "default", Step: "hash", Attempt: j.attempts, Files: j.files,
		RawConfig: []byte(j.config), Store: j.store, Checkpoints: chain,
		Report: func(done, total int64, _ string) {
			if done < last || done > total {
				j.t.Errorf("%d of %d bytes after %d", done, total, last)
			}
			last = done
			if at >= 0 && done >= at {
				kill(errKilled)
			}
		},
	})
}

// TestGoesOnAtTheByte kills attempts at many places, and compares the checksums.
func TestGoesOnAtTheByte(t *testing.T) {
	t.Parallel()
	contents := []stagetest.Content{
		{Name: "a", Size: 3<<20 + 5}, {Name: "none", Data: []byte{}}, {Name: "b", Size: 100}, {Name: "c", Size: 4 << 20},
	}
	config := strings.Replace(allOf, "}", `,"sums":true}`, 1)
	want, err := newJob(t, config, contents...).attempt(-1)
	if err != nil {
		t.Fatal(err)
	}
	total := int64(7<<20 + 105)
	for at := int64(1); at < total; at += 777_777 {
		j := newJob(t, config, contents...)
		for _, at := range []int64{at, min(at+1_500_000, total-1)} {
			if _, err := j.attempt(at); !errors.Is(err, errKilled) {
				t.Fatalf("killed at %d: %v", at, err)
			}
		}
		got, err := j.attempt(-1)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("killed at %d: %s", at, diff)
		}
		if at > crashCost && j.resumed.Done == 0 {
			t.Errorf("killed at %d: starts again", at)
		}
		if again := j.reads.n.Load() - total; again > 2*(crashCost+readAhead) {
			t.Errorf("killed at %d: %d bytes were read again", at, again)
		}
	}
}

// TestManyFilesGoOn has more checksums than a state can hold.
func TestManyFilesGoOn(t *testing.T) {
	t.Parallel()
	var contents []stagetest.Content
	for i := range 1000 {
		contents = append(contents, stagetest.Content{Name: fmt.Sprint(strings.Repeat("n", 200), i), Size: 4 << 10})
	}
	config := strings.Replace(allOf, "}", `,"sums":true}`, 1)
	want, err := newJob(t, config, contents...).attempt(-1)
	if err != nil {
		t.Fatal(err)
	}
	j := newJob(t, config, contents...)
	for _, at := range []int64{2_000_000, 3_900_000} {
		if _, err := j.attempt(at); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
	}
	got, err := j.attempt(-1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again := j.resumed.Done; again < 3_900_000-crashCost {
		t.Errorf("went on at %d", again)
	}
}

// TestForeignHashes goes on with hashes that another library has saved: that file
// is read from its start, and no other.
func TestForeignHashes(t *testing.T) {
	t.Parallel()
	contents := []stagetest.Content{{Name: "a", Size: 3 << 20}, {Name: "b", Size: 3 << 20}}
	config := `{"algorithms":["md5","crc32c"]}`
	want, err := newJob(t, config, contents...).attempt(-1)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(hashes map[string][]byte){
		"none":        func(hashes map[string][]byte) { clear(hashes) },
		"one missing": func(hashes map[string][]byte) { delete(hashes, "md5") },
		"other form":  func(hashes map[string][]byte) { hashes["md5"][0] ^= 1 },
		"cut":         func(hashes map[string][]byte) { hashes["crc32c"] = hashes["crc32c"][:3] },
		"other place": func(hashes map[string][]byte) { hashes["md5"][len(hashes["md5"])-1] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJob(t, config, contents...)
			if _, err := j.attempt(5 << 20); !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			j.log = changed(t, j.log, change)
			before := j.reads.n.Load()
			got, err := j.attempt(-1)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if n := j.reads.n.Load() - before; n < 3<<20 || n > 3<<20+readAhead || j.resumed.Done < 3<<20 {
				t.Errorf("%d bytes were read after %d", n, j.resumed.Done)
			}
		})
	}
}

// changed returns a log with only the newest record, whose hashes are others.
func changed(t *testing.T, from *checkpoint.Memory, change func(map[string][]byte)) *checkpoint.Memory {
	t.Helper()
	e, err := from.Last(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var c events.Checkpoint
	var s struct {
		File   int               `json:"file"`
		Read   int64             `json:"read"`
		Hashes map[string][]byte `json:"hashes"`
		Sums   []string          `json:"sums"`
	}
	if err := errors.Join(json.Unmarshal(e.Data, &c), json.Unmarshal(c.State, &s)); err != nil {
		t.Fatal(err)
	}
	change(s.Hashes)
	to := checkpoint.NewMemory()
	again := checkpoint.New(checkpoint.Options{
		Log: to, Store: artifact.New(memstore.New(), nil), Key: key, Stage: c.Stage, Logic: c.Logic, Inputs: c.Inputs,
		Attempt: 1, Fresh: true,
	})
	defer again.Close()
	run, err := again.Resume(t.Context(), 1, &s)
	if err == nil {
		err = run.Save(t.Context(), c.Done, c.Total)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// TestFindsDamageLater damages a file that was read halfway: the rest is read with
// the same care.
func TestFindsDamageLater(t *testing.T) {
	t.Parallel()
	j := newJob(t, allOf, stagetest.Content{Name: "a", Size: 4 << 20})
	if _, err := j.attempt(2 << 20); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	j.store = artifact.New(damaged{j.reads.Store}, &artifact.Options{ChunkSize: chunkSize})
	if _, err := j.attempt(-1); !fault.Has(err, fault.ArtifactCorrupt) || j.resumed.Done == 0 {
		t.Errorf("after %d: %v", j.resumed.Done, err)
	}
}
