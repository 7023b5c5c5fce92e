package jobview

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

func TestRecordsThatAreKnownChangeNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		log := history(200)
		w.sequence, w.clock = 200, log[199].Record.Time
		w.apply(log...)
		before := w.digest(w.view)
		for i := range 5 {
			w.sequence++
			w.apply(log[i*40 : i*40+40]...)
		}
		same(t, "view", w.digest(w.view), before)
	})
}

// TestBatchesDoNotMatter folds the same log in batches of several lengths.
func TestBatchesDoNotMatter(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		log := history(300)
		want := ""
		for i, length := range []int{1, 7, 300} {
			n := int64(i + 2)
			w.ok(w.store.Create(t.Context(), n, "log"))
			v := w.open(n)
			for from := 0; from < len(log); from += length {
				to := min(from+length, len(log))
				w.ok(v.Apply(t.Context(), Step{From: uint64(from), To: uint64(to)}, log[from:to]))
			}
			got := w.digest(v)
			if i > 0 {
				same(t, fmt.Sprintf("in batches of %d", length), got, want)
			}
			want = got
		}
	})
}

// TestOneWriterWins lets several write the same batches at once.
func TestOneWriterWins(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		var group sync.WaitGroup
		for range 4 {
			v := w.open(1)
			group.Go(func() {
				for {
					err := foldOn(t.Context(), v, func(uint64) {})
					if err == nil {
						return
					}
					if !fault.Has(err, fault.ViewOvertaken) {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
		w.ok(w.store.Create(t.Context(), 2, "log"))
		alone := w.open(2)
		w.ok(foldOn(t.Context(), alone, func(uint64) {}))
		same(t, "view", w.digest(w.view), w.digest(alone))
	})
}

func TestExpire(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		label := map[string]string{"team": "one"}
		w.write(
			job{id: "old", labels: label, files: []string{"old.txt"}, steps: failing("fetch.stalled", "timeout")},
			job{id: "theirs", tenant: "other"}, job{id: "long", labels: label},
		)
		w.clock = w.clock.Add(48 * time.Hour)
		w.write(job{id: "long", labels: label, state: events.JobRunning}, job{id: "new", labels: label})
		n, err := w.view.Expire(t.Context(), 4, w.clock)
		w.ok(err)
		same(t, "removed", n, 2)
		n, err = w.view.Expire(t.Context(), 4, w.clock)
		w.ok(err)
		same(t, "and then", n, 0)
		same(t, "jobs", w.all("default", api.JobQuery{}), []string{"new", "long"})
		same(t, "by label", w.all("default", api.JobQuery{Labels: label}), []string{"new", "long"})
		same(t, "by word", w.all("default", api.JobQuery{Search: "old"}), nil)
		same(t, "by fault", w.all("default", api.JobQuery{Fault: "fetch.stalled"}), nil)
		same(t, "of others", w.all("other", api.JobQuery{}), nil)
		c, err := w.view.Counts(t.Context(), "default", "")
		w.ok(err)
		same(t, "counts", c, api.Counts{
			Jobs: 2, States: map[string]int64{"running": 1, "accepted": 1}, Faults: []api.FaultCount{},
			Pipelines: []api.PipelineCount{{Name: "p", Jobs: 2, States: map[string]int64{"running": 1, "accepted": 1}}},
		})
	})
}

// TestTheSamePlace gives jobs the same place in the list, as a clock that is set back
// could.
func TestTheSamePlace(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i := range 3 {
			for j := range 2 {
				e := w.entry(job{id: fmt.Sprintf("j%d", 2*i+j), accepted: epoch})
				e.Sequence = uint64(i)<<placeBits | 7
				w.sequence = max(w.sequence, e.Sequence)
				w.apply(e)
			}
		}
		same(t, "jobs", w.all("default", api.JobQuery{Limit: 2}), numbered(5, 0))
	})
}

func TestGenerations(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		check := func(what string, current int64, want ...int64) {
			t.Helper()
			all, now, err := w.store.Generations(t.Context())
			w.ok(err)
			same(t, what, all, want)
			same(t, what+", current", now, current)
		}
		check("at the start", 1, 1)
		w.write(job{id: "a"})
		for range 2 { // the second time it is there
			w.ok(w.store.Create(t.Context(), 10, "other log"))
		}
		check("one beside", 1, 1, 10)
		w.ok(w.store.Serve(t.Context(), 10))
		check("switched", 10, 1, 10)
		v := w.open(10)
		same(t, "log", v.Log, "other log")
		same(t, "generation", v.Generation, 10)
		for range 2 {
			w.ok(w.store.Drop(t.Context(), 1))
		}
		check("the old one dropped", 10, 10)
		if _, err := w.store.Open(t.Context(), 1); !fault.Has(err, fault.ViewDamaged) {
			t.Errorf("open what is gone: %v", err)
		}
		w.ok(w.store.Drop(t.Context(), 10))
		check("all dropped", 0)
	})
}

func TestViewOfAnotherVersion(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.ok(w.view.change(t.Context(), "age", func(tx *writer) error {
			_, err := tx.exec(t.Context(), `UPDATE #view SET version = 0`)
			return err
		}))
		if _, err := w.store.Open(t.Context(), 1); !fault.Has(err, fault.ViewDamaged) {
			t.Errorf("open: %v", err)
		}
	})
}

// TestDamagedFile writes over parts of a file, and wants that to be told from
// anything else.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string, size int64) error{
		"empty": func(path string, _ int64) error { return os.Truncate(path, 0) },
		"cut":   func(path string, size int64) error { return os.Truncate(path, size/2) },
		"rubbish": func(path string, _ int64) error {
			return os.WriteFile(path, []byte(strings.Repeat("rubbish!", 4096)), 0o600)
		},
		"a hole": func(path string, size int64) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt(make([]byte, size-8192), 8192)
				err = errors.Join(err, f.Close())
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w := newWorld(t, dir)
			w.apply(history(300)...)
			w.ok(w.view.Close())
			path := filepath.Join(dir, "view-1.db")
			info, err := os.Stat(path)
			w.ok(err)
			w.ok(damage(path, info.Size()))
			v, err := w.store.Open(t.Context(), 1)
			if err == nil {
				err = v.Check(t.Context())
				w.ok(v.Close())
			}
			if !fault.Has(err, fault.ViewDamaged) {
				t.Errorf("not found: %v", err)
			}
		})
	}
}

// TestOneProcessLeads wants one store of a folder to lead, and then the next.
func TestOneProcessLeads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := newWorld(t, dir), &world{t: t}
	var err error
	b.store, err = Open(dir)
	b.ok(err)
	leads := func(s Store, want bool) {
		t.Helper()
		for range 2 {
			got, err := s.Lead(t.Context())
			b.ok(err)
			same(t, "leads", got, want)
		}
	}
	leads(a.store, true)
	leads(b.store, false)
	b.ok(a.store.Close())
	// A process that another test is just starting has the lock as well, until it runs.
	for led := false; !led; {
		led, err = b.store.Lead(t.Context())
		b.ok(err)
	}
	leads(b.store, true)
	b.ok(b.store.Close())
}

func TestPasswordIsNotTold(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"postgres://u:hunter2@127.0.0.1:1/db?sslmode=nonsense", "postgres://u:hunter2@127.0.0.1:1/db"} {
		s, err := Open(place)
		if err == nil {
			_, _, err = s.Generations(t.Context())
			if closed := s.Close(); closed != nil {
				t.Error(closed)
			}
		}
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, fault.From(err)), "hunter2") {
			t.Errorf("%v", err)
		}
		if strings.Contains(place, "nonsense") != fault.Has(err, fault.MillBadConfig) {
			t.Errorf("%v", err)
		}
	}
}
