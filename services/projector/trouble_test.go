package projector

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/deploy/pgtest/server"
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// TestSeveralShareADatabase runs three projectors on one database, and stops the one
// that writes.
func TestSeveralShareADatabase(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		runs := []*run{w.start(Config{}), w.start(Config{}), w.start(Config{})}
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() { defer close(done); w.rounds(runs[2], stop) }()
		for i, r := range runs {
			r.until("moving", func() bool { return r.p.View().Sequence > uint64(100*(i+1)) })
			if i < len(runs)-1 {
				if runs[0].p.View().Writer {
					runs[0].stop()
				}
			}
		}
		close(stop)
		<-done
		last := runs[2]
		last.until("caught up", func() bool {
			lag, err := last.p.Lag(t.Context())
			return err == nil && lag == 0
		})
		shared := last.digest()
		for _, r := range runs {
			r.stop()
		}
		w.place = t.TempDir()
		if last.p.Views.Kind() == "postgres" {
			w.place = postgres.URL(t)
		}
		w.start(Config{})
		w.until("opened", func() bool { return w.p.View().Generation == 1 })
		w.caughtUp()
		same(t, "view", shared, w.digest())
	})
}

// TestJoinsWhileOthersWrite starts projectors on a view that another one moves, and wants
// it to stay.
func TestJoinsWhileOthersWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		first := w.start(Config{})
		first.until("opened", func() bool { return first.p.View().Generation == 1 })
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() { defer close(done); w.rounds(first, stop) }()
		for range 10 {
			r := w.start(Config{})
			r.until("opened", func() bool { return r.p.View().Generation > 0 })
			same(t, "generation", r.p.View().Generation, 1)
			r.stop()
		}
		close(stop)
		<-done
	})
}

// TestDatabaseThatGoesAway ends PostgreSQL while jobs arrive.
func TestDatabaseThatGoesAway(t *testing.T) {
	t.Parallel()
	s, err := server.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w := newWorld(t, s.URL("postgres"))
	w.write(job{id: "a", state: events.JobRunning, revision: 1})
	w.start(Config{})
	w.until("opened", func() bool { return w.p.View().Generation == 1 })
	w.caughtUp()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	w.write(job{id: "b", state: events.JobRunning, revision: 1})
	w.until("stale", func() bool { return w.p.View().Stale })
	if _, err := w.p.List(t.Context(), "default", api.JobQuery{}); !fault.Has(err, fault.ViewUnavailable) {
		t.Errorf("list: %v", err)
	}
	if err := s.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.caughtUp()
	w.until("fresh", func() bool { return !w.p.View().Stale })
	same(t, "jobs", ids(w.list("default", api.JobQuery{})), []string{"b", "a"})
	same(t, "generation", w.p.View().Generation, 1)
}

// TestStartsWithoutADatabase wants a projector whose database is not there to say so,
// and to be ready all the same.
func TestStartsWithoutADatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "postgres://nobody:secret@127.0.0.1:1/none?sslmode=disable")
	w.start(Config{})
	<-w.p.Ready()
	w.until("stale", func() bool { return w.p.View().Stale })
	if _, err := w.p.List(t.Context(), "default", api.JobQuery{}); !fault.Has(err, fault.ViewUnavailable) {
		t.Errorf("list: %v", err)
	}
	if _, err := w.p.Rebuild(t.Context()); !fault.Has(err, fault.ViewUnavailable) {
		t.Errorf("rebuild: %v", err)
	}
}

// TestFolderThatCannotBeWritten puts a file where the folder of the view should be, and
// takes it away.
func TestFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir()+"/view")
	if err := os.WriteFile(w.place, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.write(job{id: "a", state: events.JobRunning, revision: 1})
	w.start(Config{})
	<-w.p.Ready()
	w.until("stale", func() bool { return w.p.View().Stale })
	if err := os.Remove(w.place); err != nil {
		t.Fatal(err)
	}
	w.until("there", func() bool { return w.p.View().Sequence == 1 })
	same(t, "jobs", ids(w.list("default", api.JobQuery{})), []string{"a"})
}

// elsewhere opens the file of the view as another program would.
func (w *world) elsewhere() *sql.Conn {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.place, "view-1.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := db.Conn(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _, _ = c.Close(), db.Close() })
	return c
}

func (w *world) statement(c *sql.Conn, statement string) {
	w.t.Helper()
	if _, err := c.ExecContext(w.t.Context(), statement); err != nil {
		w.t.Fatal(err)
	}
}

// TestLagIsTold holds the view back, and wants to read how far it is behind, and the
// list to answer meanwhile.
func TestLagIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir())
	w.start(Config{PollEvery: time.Millisecond})
	w.until("opened", func() bool { return w.p.View().Generation == 1 })
	other := w.elsewhere()
	w.statement(other, `BEGIN IMMEDIATE`)
	for i := range 10 {
		w.write(job{id: fmt.Sprintf("j%d", i), state: events.JobRunning, revision: 1})
	}
	w.until("behind", func() bool {
		v := w.p.View()
		return v.Lag == 10 && v.LagSeconds > 0
	})
	page, err := w.p.List(t.Context(), "default", api.JobQuery{})
	if err != nil || len(page.Jobs) != 0 || page.View.Lag != 10 {
		t.Errorf("%+v, %v", page, err)
	}
	w.statement(other, `ROLLBACK`)
	w.caughtUp()
	w.until("no lag", func() bool { v := w.p.View(); return v.Lag == 0 && v.LagSeconds == 0 })
}

// TestWritesThatFail lets no job into the view, as a full disk would.
func TestWritesThatFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir())
	w.write(job{id: "a", state: events.JobRunning, revision: 1})
	w.start(Config{})
	w.until("opened", func() bool { return w.p.View().Generation == 1 })
	w.caughtUp()
	other := w.elsewhere()
	w.statement(other, `CREATE TRIGGER full BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`)
	w.write(job{id: "b", state: events.JobRunning, revision: 1})
	w.until("stale", func() bool { return w.p.View().Stale })
	same(t, "jobs meanwhile", ids(w.list("default", api.JobQuery{})), []string{"a"})
	w.statement(other, `DROP TRIGGER full`)
	w.caughtUp()
	w.until("fresh", func() bool { return !w.p.View().Stale })
	same(t, "jobs then", ids(w.list("default", api.JobQuery{})), []string{"b", "a"})
	same(t, "generation", w.p.View().Generation, 1)
}
