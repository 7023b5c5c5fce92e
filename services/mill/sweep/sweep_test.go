package sweep

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

var (
	seedFlag  = flag.Uint64("sweep.seed", 1, "which order of deliveries to tell")
	twiceFlag = flag.Bool("sweep.twice", false, "crash a second time in every run")
)

// told is what is left when a story has ended.
type told struct {
	job    events.Job
	writes int
	wrong  []string
	said   []string
}

// tell tells a story in a bubble of its own time.
func tell(t *testing.T, s story, seed uint64, forgetful bool, fates map[int]fate) told {
	t.Helper()
	var out told
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s, seed, forgetful, fates)
		w.tell()
		w.judge()
		w.broker.kill(nil)
		out = told{w.job(events.DefaultTenant, jobID), w.broker.writes, w.wrong, w.broker.said}
	})
	return out
}

// judge looks at what is left.
func (w *world) judge() {
	w.t.Helper()
	history := w.history(events.DefaultTenant, jobID)
	if len(history) == 0 {
		w.fail("the job is lost")
		return
	}
	for i, r := range history {
		w.wrongUnless(r.Revision == uint64(i+1), "record %d has revision %d", i+1, r.Revision)
	}
	if _, err := flow.Replay(w.def.Plan, history); err != nil {
		w.fail("the history does not replay: %v", err)
	}
	j := history[len(history)-1].Job
	w.wrongUnless(flow.Final(j.State), "the job stands in state %s", j.State)
	for id, n := range w.book.calls {
		w.wrongUnless(n <= 1, "effect %s was made %d times", id, n)
		undone := j.State == events.JobRolledBack || j.State == events.JobCancelled
		if undone && !hasUnknown(j) {
			w.wrongUnless(w.book.undone[id] == n, "effect %s was made %d times and undone %d times", id, n, w.book.undone[id])
		}
	}
	for _, stream := range []string{events.StreamIntake, events.StreamControl, events.StreamQueue, events.StreamOutcomes} {
		for _, m := range w.broker.messages[stream] {
			w.fail("left in %s: %s", stream, m.Subject)
		}
	}
}

// outputs are the files of a job, without what depends on when it was.
func outputs(j events.Job) map[string][]events.File { return j.Outputs }

// TestSweep stops each story at each write, before and after it, with a broker
// that keeps everything and with one that forgets what is in its memory.
func TestSweep(t *testing.T) {
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			calm := tell(t, s, *seedFlag, false, nil)
			if calm.job.State != s.ends && (s.cancelAt == 0 || !slices.Contains(s.mayEnd, calm.job.State)) || len(calm.wrong) > 0 {
				t.Fatalf("undisturbed it ends as %s, want %s: %v", calm.job.State, s.ends, calm.wrong)
			}
			t.Logf("%d writes", calm.writes)
			runs, ends := 0, map[events.JobState]int{}
			for crash := 0; crash < 4*calm.writes; crash += stride(5) {
				n, f, forgetful := 1+crash/4, diesBefore+fate(crash/2%2), crash%2 == 1
				fates := map[int]fate{n: f}
				if *twiceFlag {
					fates[n+1+rand.New(rand.NewPCG(*seedFlag, uint64(n))).IntN(20)] = diesAfter
				}
				got := tell(t, s, *seedFlag, forgetful, fates)
				runs++
				ends[got.job.State]++
				compare(t, s, calm, got, fmt.Sprintf("write %d (%s), %s, forgetful %v", n, got.said[n-1], f, forgetful))
			}
			t.Logf("%d runs: %v", runs, ends)
		})
	}
}

// stride is 1, for every one, or n when tests are to be short: under the race
// detector some of each kind do.
func stride(n int) int {
	if testing.Short() {
		return n
	}
	return 1
}

// compare holds a run with a crash against the undisturbed one.
func compare(t *testing.T, s story, calm, got told, where string) {
	t.Helper()
	for _, wrong := range got.wrong {
		t.Errorf("%s: %s", where, wrong)
	}
	switch {
	case got.job.State == s.ends && s.cancelAt == 0:
		if diff := cmp.Diff(outputs(calm.job), outputs(got.job)); diff != "" {
			t.Errorf("%s: other files (-undisturbed +crashed)\n%s", where, diff)
		}
	case got.job.State != s.ends && !slices.Contains(s.mayEnd, got.job.State):
		t.Errorf("%s: it ends as %s, want %s", where, got.job.State, s.ends)
	case got.job.State != s.ends && s.cancelAt == 0 && !hasUnknown(got.job):
		t.Errorf("%s: it ends as %s and knows of no unknown effect", where, got.job.State)
	}
}

func (f fate) String() string {
	return [...]string{"lives", "dies before it", "dies after it"}[f]
}

// TestSameSeedSameStory tells a story twice: the writes are the same.
func TestSameSeedSameStory(t *testing.T) {
	s := stories()[1]
	first, second := tell(t, s, *seedFlag, false, nil), tell(t, s, *seedFlag, false, nil)
	if diff := cmp.Diff(first.said, second.said); diff != "" {
		t.Error(diff)
	}
}

// TestSweepNoticesWhatIsWrong breaks the rules and wants the judge to see it.
func TestSweepNoticesWhatIsWrong(t *testing.T) {
	s := stories()[0]
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s, *seedFlag, false, nil)
		w.tell()
		w.book.calls["x"] = 2
		w.broker.messages[events.StreamEvents] = w.broker.messages[events.StreamEvents][1:]
		w.judge()
		w.broker.kill(nil)
		if len(w.wrong) < 3 {
			t.Errorf("the judge sees only %v", w.wrong)
		}
	})
}
