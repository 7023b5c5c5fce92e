package projector

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// rounds writes jobs and moves them, until stop says so, as fast as r follows.
func (w *world) rounds(r *run, stop <-chan struct{}) {
	for i := 0; ; i++ {
		for wait := true; wait; {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			wait = r.p.View().Lag > 200
		}
		state := events.JobRunning
		if i%50 >= 25 {
			state = events.JobCompleted
		}
		id := fmt.Sprintf("j%d", i/50*25+i%25)
		w.write(job{id: id, state: state, revision: uint64(1 + i%50/25), labels: map[string]string{"n": id}})
	}
}

// TestRebuildsWhileItServes asks for a new generation under load, and wants the list
// to answer all the time, and the new generation to be that of a fold from scratch.
func TestRebuildsWhileItServes(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.start(Config{})
		stop := make(chan struct{})
		var writer sync.WaitGroup
		r := w.run
		writer.Go(func() { w.rounds(r, stop) })
		halt := sync.OnceFunc(func() { close(stop); writer.Wait() })
		defer halt()
		w.until("some jobs", func() bool { return w.p.View().Sequence > 200 })
		for generation := int64(2); generation < 4; generation++ {
			v, err := w.p.Rebuild(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if v.Building == nil || v.Building.Generation != generation {
				t.Fatalf("not building generation %d: %+v", generation, v)
			}
			w.until("switched", func() bool {
				if len(w.list("default", api.JobQuery{Limit: 5}).Jobs) != 5 {
					t.Error("the list has holes")
				}
				return w.p.View().Generation == generation
			})
		}
		halt()
		w.caughtUp()
		rebuilt := w.digest()
		w.stop()
		w.place = t.TempDir()
		if w.p.Views.Kind() == "postgres" {
			w.place = postgres.URL(t)
		}
		w.start(Config{})
		w.until("opened", func() bool { return w.p.View().Generation == 1 })
		w.caughtUp()
		same(t, "view", rebuilt, w.digest())
	})
}

// TestRebuildGoesOnAfterACrash stops everything while a generation is built.
func TestRebuildGoesOnAfterACrash(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i := range 500 {
			w.write(job{id: fmt.Sprintf("j%d", i), state: events.JobRunning, revision: 1})
		}
		w.start(Config{})
		w.until("opened", func() bool { return w.p.View().Generation == 1 })
		w.caughtUp()
		before := w.digest()
		if _, err := w.p.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.stop()
		w.start(Config{})
		w.until("switched", func() bool { return w.p.View().Generation == 2 })
		same(t, "view", w.digest(), before)
		w.until("the old one is gone", func() bool {
			all, current, err := w.store.Generations(t.Context())
			return err == nil && current == 2 && len(all) == 1
		})
	})
}

// TestBuildsAgainByItself damages the file of the view between two runs, and in one.
func TestBuildsAgainByItself(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string) error{
		"rubbish": func(path string) error { return os.WriteFile(path, []byte("rubbish"), 0o600) },
		"gone":    os.Remove,
		"a hole": func(path string) error {
			data, err := os.ReadFile(path)
			if err == nil {
				clear(data[8192:])
				err = os.WriteFile(path, data, 0o600)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, t.TempDir())
			for i := range 100 {
				w.write(job{id: fmt.Sprintf("j%d", i), state: events.JobRunning, revision: 1})
			}
			w.start(Config{})
			w.until("opened", func() bool { return w.p.View().Generation == 1 })
			w.caughtUp()
			before := w.digest()
			w.stop()
			if err := damage(filepath.Join(w.place, "view-1.db")); err != nil {
				t.Fatal(err)
			}
			w.start(Config{})
			w.until("built again", func() bool { return w.p.View().Generation >= 1 && w.p.View().Sequence == 100 && sound(w) })
			same(t, "view", w.digest(), before)
			if name != "gone" {
				same(t, "generation", w.p.View().Generation, 2)
			}
		})
	}
}

// sound reports whether a projector's view can be read and holds all.
func sound(w *world) bool {
	w.p.mu.RLock()
	defer w.p.mu.RUnlock()
	if w.p.view == nil || w.p.view.Check(context.Background()) != nil {
		return false
	}
	at, _, err := w.p.view.Position(context.Background())
	return err == nil && at == 100
}

// TestViewOfAnotherLog points a projector with a view at a new log.
func TestViewOfAnotherLog(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for i := range 5 {
			w.write(job{id: fmt.Sprintf("old%d", i), state: events.JobRunning, revision: 1})
		}
		w.start(Config{})
		w.until("opened", func() bool { return w.p.View().Generation == 1 })
		w.caughtUp()
		w.stop()
		other := newWorld(t, w.place)
		other.write(job{id: "new", state: events.JobRunning, revision: 1})
		other.start(Config{})
		other.until("built again", func() bool { return other.p.View().Generation == 2 })
		other.caughtUp()
		same(t, "jobs", ids(other.list("default", api.JobQuery{})), []string{"new"})
	})
}
