package projector

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// TestListHoldsWhatTheLogHeld asks for the list right after each write, of the process
// that writes the view and of another one that hardly looks by itself.
func TestListHoldsWhatTheLogHeld(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		rare := Config{PollEvery: time.Hour}
		runs := []*run{w.start(rare), w.start(rare)}
		for _, r := range runs {
			r.until("opened", func() bool { return r.p.View().Generation == 1 })
		}
		for i := range 100 {
			id := fmt.Sprintf("j%03d", i)
			w.write(job{id: id, state: events.JobRunning, revision: 1})
			for _, r := range runs {
				page := r.list("default", api.JobQuery{Limit: 1})
				if len(page.Jobs) != 1 || page.Jobs[0].ID != id {
					t.Fatalf("%s was written; the list of writer=%t has %+v", id, r.p.View().Writer, page)
				}
			}
		}
	})
}

// TestListWaitsForAWriteThatIsHeldUp lets go of the database while somebody asks.
func TestListWaitsForAWriteThatIsHeldUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir())
	w.start(Config{PollEvery: time.Millisecond})
	w.until("opened", func() bool { return w.p.View().Generation == 1 })
	other := w.elsewhere()
	w.statement(other, `BEGIN IMMEDIATE`)
	w.write(job{id: "a", state: events.JobRunning, revision: 1})
	w.until("behind", func() bool { return w.p.View().Lag == 1 })
	let := time.AfterFunc(100*time.Millisecond, func() { w.statement(other, `ROLLBACK`) })
	defer let.Stop()
	same(t, "jobs", ids(w.list("default", api.JobQuery{})), []string{"a"})
}

// TestWhatWasRemovedIsNotWaitedFor takes the end of the log away before the view has it.
func TestWhatWasRemovedIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir())
	for i := range 3 {
		w.write(job{id: fmt.Sprintf("j%d", i), state: events.JobRunning, revision: 1})
	}
	if err := w.conn.Purge(t.Context(), events.StreamEvents, events.EventSubject("default", "p", "j2", events.KindJob)); err != nil {
		t.Fatal(err)
	}
	w.start(Config{})
	w.until("told", func() bool { return w.p.View().Sequence == 2 && w.p.state.wait(3) == nil })
	w.write(job{id: "k", state: events.JobRunning, revision: 1})
	same(t, "jobs", ids(w.list("default", api.JobQuery{})), []string{"k", "j1", "j0"})
}
