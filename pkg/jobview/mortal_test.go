package jobview

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
)

// The environment of a child that is killed: where its view is, and whether it is
// killed before it commits or while it does so again and again.
const (
	mortalDir  = "JOBVIEW_MORTAL"
	mortalHalf = "JOBVIEW_MORTAL_HALF"
)

// history is a log that is the same each time: entries of some jobs in turn.
func history(n int) []Entry {
	w := &world{clock: epoch, revision: map[string]uint64{}, first: map[string]time.Time{}}
	var list []Entry
	for i := range n {
		j := job{
			id: fmt.Sprintf("j%d", i%17), state: events.JobRunning,
			labels: map[string]string{"n": fmt.Sprint(i % 17)}, files: []string{fmt.Sprintf("file-%d.txt", i%17)},
		}
		if i%3 == 0 {
			j.steps = failing("fetch.stalled", "timeout")
			j.outcome = &events.AttemptOutcome{Fault: j.steps["a"].Fault}
		}
		if i >= n-17 {
			j.state, j.steps, j.outcome = events.JobCompleted, nil, nil
		}
		list = append(list, w.entry(j))
	}
	return list
}

const (
	historyLength = 1000
	batchLength   = 20
)

// foldOn goes on with a view where it is, until the end of the history.
func foldOn(ctx context.Context, v *View, said func(uint64)) error {
	log := history(historyLength)
	for {
		at, _, err := v.Position(ctx)
		if err != nil {
			return err
		}
		said(at)
		if at >= historyLength {
			return nil
		}
		to := min(at+batchLength, historyLength)
		err = v.Apply(ctx, Step{From: at, To: to, Stored: log[to-1].Record.Time}, log[at:to])
		if err != nil {
			return err
		}
	}
}

// mortal is what the child does: it folds, and says where it is after each batch.
// With half, it stops for good after all statements of a batch but its commit.
func mortal(place string) {
	ctx := context.Background()
	s, err := Open(place)
	if err == nil {
		var v *View
		if v, err = s.Open(ctx, 1); err == nil {
			if os.Getenv(mortalHalf) != "" {
				err = v.change(ctx, "half", func(w *writer) error {
					if _, err := w.exec(ctx, `UPDATE #view SET position = ?`, batchLength); err != nil {
						return err
					}
					if err := w.take(ctx, history(historyLength)[:batchLength]); err != nil {
						return err
					}
					fmt.Println("half")
					select {}
				})
			} else {
				err = foldOn(ctx, v, func(at uint64) { fmt.Println(at) })
			}
		}
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// killed runs the child until it has said so many lines, and kills it.
func killed(t *testing.T, place string, lines int, env ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), mortalDir+"="+place), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for range lines {
		if !said.Scan() {
			t.Fatalf("the child ended early: %v", said.Err())
		}
		if text := said.Text(); strings.Contains(text, "view.") {
			t.Fatal(text)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.Process.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestKilledBetweenAnyTwoBatches kills a child again and again while it folds, and
// wants the view to be that of a fold that nobody disturbed.
func TestKilledBetweenAnyTwoBatches(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, place())
			for _, lines := range []int{1, 3, 7, 5} {
				killed(t, w.place, lines)
			}
			w.ok(foldOn(t.Context(), w.view, func(uint64) {}))
			same(t, "view", w.digest(w.view), undisturbed(t, place()))
		})
	}
}

// undisturbed is the digest of the whole history.
func undisturbed(t *testing.T, place string) string {
	t.Helper()
	w := newWorld(t, place)
	w.ok(foldOn(t.Context(), w.view, func(uint64) {}))
	return w.digest(w.view)
}

// TestKilledInABatch kills a child that has written a batch and not committed it.
func TestKilledInABatch(t *testing.T) {
	t.Parallel()
	for name, place := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, place())
			empty := w.digest(w.view)
			killed(t, w.place, 1, mortalHalf+"=yes")
			at, _, err := w.view.Position(t.Context())
			w.ok(err)
			same(t, "position", at, 0)
			same(t, "view", w.digest(w.view), empty)
			w.ok(w.view.look(t.Context(), "search", func(r *reader) error {
				found := 0
				from := r.d.searchFrom + ` WHERE ` + r.d.searchWhere
				err := r.each(t.Context(), from, r.d.match("default", false, parseSearch("txt")), func(*sql.Rows) error {
					found++
					return nil
				})
				same(t, "words", found, 0)
				return err
			}))
			w.ok(foldOn(t.Context(), w.view, func(uint64) {}))
			same(t, "and then", w.digest(w.view), undisturbed(t, place()))
		})
	}
}
