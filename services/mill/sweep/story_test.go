package sweep

import (
	"fmt"

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
