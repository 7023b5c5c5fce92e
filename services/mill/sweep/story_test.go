package sweep

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/events"
)

// key is the idempotency key of the job of a story, and jobID its id.
const key = "the-job"

var jobID = events.JobID(events.DefaultTenant, key)

// story is a job and how it ends when nothing crashes.
type story struct {
	name, pipeline string
	ends           events.JobState
	// cancelAt is after how many records the job is cancelled, 0 for never.
	cancelAt int
	// mayEnd are other ends: of a job that cannot tell what it did, or of one that
	// is cancelled at another moment than undisturbed.
	mayEnd []events.JobState
}

const head = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: told
spec:
  steps:
`

// stories are what is told.
func stories() []story {
	return []story{
		{name: "linear", ends: events.JobCompleted, pipeline: head + `
    - {id: a, uses: chew@1}
    - {id: b, uses: post@1}
    - {id: c, uses: chew@1}
`},
		{name: "branching", ends: events.JobCompleted, pipeline: head + `
    - {id: a, uses: chew@1}
    - {id: left, uses: stumble@1, needs: [a], retry: {initial: 1s, max: 5s}}
    - {id: right, uses: post@1, needs: [a]}
    - {id: join, uses: chew@1, needs: [left, right]}
`},
		{name: "failing in part", ends: events.JobPartial, pipeline: head + `
    - {id: a, uses: chew@1}
    - {id: lost, uses: fail@1, needs: [a], critical: false}
    - {id: kept, uses: post@1, needs: [a]}
`},
		{name: "compensating", ends: events.JobRolledBack, pipeline: head + `
    - {id: a, uses: post@1}
    - {id: b, uses: post@1, needs: [a]}
    - {id: c, uses: fail@1, needs: [b]}
`},
		{name: "cancelled", ends: events.JobCancelled, cancelAt: 2, mayEnd: []events.JobState{events.JobCompleted}, pipeline: head + `
    - {id: a, uses: post@1}
    - {id: b, uses: chew@1, needs: [a]}
    - {id: c, uses: post@1, needs: [b]}
`},
		{name: "blind", ends: events.JobCompleted, mayEnd: []events.JobState{events.JobFailed, events.JobRolledBack}, pipeline: head + `
    - {id: a, uses: chew@1}
    - {id: b, uses: blind@1}
`},
	}
}

// submission is the job that is handed in.
func (s story) submission() events.Submission {
	return events.Submission{Key: key, Files: []events.Source{
		{Name: "one.txt", Inline: []byte("the quick brown fox")}, {Name: "two.txt", Inline: []byte("jumps")},
	}}
}

// meanwhile cancels the job when its moment has come.
func (s story) meanwhile(w *world) {
	if s.cancelAt == 0 || len(w.history(events.DefaultTenant, jobID)) < s.cancelAt {
		return
	}
	w.story.cancelAt = 0
	w.command(events.Command{Verb: events.VerbCancel, Reason: "told so"})
}

// fail notes something that must not be.
func (w *world) fail(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

func (w *world) wrongUnless(ok bool, format string, args ...any) {
	if !ok {
		w.fail(format, args...)
	}
}

func (w *world) checkTold(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// github.com/apache/camel, saga-eip.adoc: the saga service that comes with it keeps its
// sagas in memory, and cannot say what was compensated when its process dies. Here it
// dies at every moment of a compensation. The order stays the reverse one, and only
// what was under way at that moment is asked for again.
func TestStoryCamelCoordinatorDies(t *testing.T) {
	s := stories()[slices.IndexFunc(stories(), func(s story) bool { return s.name == "compensating" })]
	calm := tell(t, s, *seedFlag, false, nil)
	begun := slices.IndexFunc(calm.said, func(what string) bool { return strings.HasPrefix(what, "publish millrace.undo.") })
	for n := begun; n <= calm.writes; n++ {
		for _, f := range []fate{diesBefore, diesAfter} {
			for _, forgetful := range []bool{false, true} {
				got := tell(t, s, *seedFlag, forgetful, map[int]fate{n: f})
				where := fmt.Sprintf("write %d (%s), %s, forgetful %v", n, calm.said[n-1], f, forgetful)
				compare(t, s, calm, got, where)
				b, a := unwinding(t, got.said)
				if b[len(b)-1] > a[0] {
					t.Errorf("%s: b is undone at %v, a at %v", where, b, a)
				}
				if len(a)+len(b) > 3 {
					t.Errorf("%s: one crash makes %d undos of two", where, len(a)+len(b))
				}
				for step, calls := range map[string][]int{"b": b, "a": a} {
					if done := recorded(got.job, step); done != 1 {
						t.Errorf("%s: step %s is undone by attempt %d: %v", where, step, done, calls)
					}
				}
			}
		}
	}
}

// unwinding are the writes that take back step b and step a of the job, from 1.
func unwinding(t *testing.T, said []string) (b, a []int) {
	t.Helper()
	for i, what := range said {
		switch what {
		case "call undo " + events.EffectID(events.DefaultTenant, jobID, "b", "entry"):
			b = append(b, i+1)
		case "call undo " + events.EffectID(events.DefaultTenant, jobID, "a", "entry"):
			a = append(a, i+1)
		}
	}
	if len(a) == 0 || len(b) == 0 {
		t.Fatalf("undone at %v and %v: %s", b, a, strings.Join(said, ", "))
	}
	return b, a
}

// recorded is the attempt by which a step was undone.
func recorded(j events.Job, step string) int {
	if u := j.Steps[step].Undo; u != nil && u.State == events.UndoDone {
		return u.Attempt
	}
	return 0
}
