package conductor

import (
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// asking is a pipeline whose first step says what is done about its decisions.
func asking(attention string) string {
	return `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: two
spec:
  steps:
    - id: first
      uses: work@1
      critical: false
      attention: ` + attention + `
    - id: second
      uses: work@1
      needs: []
`
}

// needsPerson runs a job up to where its first step needs a person.
func (w *world) needsPerson(key, attention string) events.DecisionRecord {
	w.t.Helper()
	w.apply(asking(attention))
	w.submit(key)
	w.await(key, 1)
	w.answer(key, "second", 1, nil)
	w.await(key, 2)
	w.answer(key, "first", 1, flow.Recorded(fault.New(fault.HttpcallDenied, "", nil)))
	j := w.await(key, 3)
	if d := j.Steps["first"].Decision; d != nil {
		return *d
	}
	w.t.Fatalf("nobody is asked: %+v", j)
	return events.DecisionRecord{}
}

func decisionTimer(key string) string {
	return events.LimitSubject(events.DefaultTenant, events.JobID(events.DefaultTenant, key), "first", events.LimitDecision)
}

// awaitTimer waits until the timer of the decision runs, or does not.
func (w *world) awaitTimer(key string, runs bool) {
	w.t.Helper()
	for range 1000 {
		if w.queued(decisionTimer(key)) == runs {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("the timer of the decision runs: %t, want %t", !runs, runs)
}

// decide settles a decision as a person does.
func (w *world) decide(d events.DecisionRecord, id string, choice events.DecisionChoice) {
	w.t.Helper()
	cmd, ok := flow.Choosing(d.ID, choice)
	if !ok {
		w.t.Fatalf("%s is no choice", choice)
	}
	at, _ := flow.ParseDecisionID(d.ID)
	cmd.By, cmd.Reason = id, "because"
	w.publish(events.ControlSubject(events.DefaultTenant, at.Job), id, cmd)
}

// TestTimerOfADecision comes back when it is lost, and goes when a person decides.
func TestTimerOfADecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.conductor(w.conn)
	d := w.needsPerson("k", "{due: 1h}")
	w.awaitTimer("k", true)
	look := func() int {
		n, err := c.reconcileOnce(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := look(); n != 0 {
		t.Errorf("%d messages are missed, and nothing is", n)
	}
	if err := w.conn.Purge(t.Context(), events.StreamQueue, decisionTimer("k")); err != nil {
		t.Fatal(err)
	}
	w.awaitTimer("k", false)
	if n := look(); n != 1 {
		t.Errorf("%d messages are published again, want the timer", n)
	}
	w.awaitTimer("k", true)
	w.decide(d, "ann", events.ChooseRetry)
	if j := w.await("k", 4); j.Steps["first"].Attempt != 2 || j.Steps["first"].Decision.Made.By != "ann" {
		t.Errorf("job %+v", j)
	}
	w.awaitTimer("k", false)
	if n := look(); n != 0 {
		t.Errorf("%d messages are missed, and nothing is", n)
	}
}

// TestDefaultOfADecision happens by itself, after the timer was lost and put back.
func TestDefaultOfADecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conductor(w.conn)
	w.needsPerson("k", "{due: 50ms, default: skip}")
	w.await("k", 4)
	w.undone("k", "first") // its attempt may have done something
	j := w.await("k", 5)
	st := j.Steps["first"]
	if j.State != events.JobCompleted || st.State != events.StepSkipped || !st.Decision.Made.Default {
		t.Errorf("job %+v", j)
	}
	w.awaitTimer("k", false)
}

// TestReminderOfADecision asks again, by a timer of its own each time.
func TestReminderOfADecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conductor(w.conn)
	w.needsPerson("k", "{due: 1ms}")
	for n, r := range w.remindedUntil("k", 7)[3:] {
		if d := r.Job.Steps["first"].Decision; r.Type != flow.TypeDecisionOverdue || d.Overdue != n+1 || d.Asked != n+2 {
			t.Errorf("record %d is %s: %+v", r.Revision, r.Type, d)
		}
	}
}

func (w *world) remindedUntil(key string, revision int) []events.Record {
	w.t.Helper()
	w.await(key, revision)
	return w.history(key)[:revision]
}

// TestSecondWordIsTooLate: of two people who decide at once, one is heard; the other's
// command is refused for good, and nothing is left of it.
func TestSecondWordIsTooLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conductor(w.conn)
	d := w.needsPerson("k", "{due: 1h}")
	w.decide(d, "ann", events.ChooseRetry)
	w.decide(d, "ben", events.ChooseSkip)
	w.await("k", 4)
	w.awaitDrained(events.StreamControl)
	made := w.history("k")[3].Job.Steps["first"].Decision.Made
	if n := len(w.history("k")); n != 4 || made.By != "ann" && made.By != "ben" {
		t.Errorf("%d records, made %+v", n, made)
	}
	if _, err := w.conn.Last(t.Context(), events.StreamDead, events.AllDead); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("there is a dead letter, or %v", err)
	}
}

// awaitDrained waits until a stream is empty.
func (w *world) awaitDrained(stream string) {
	w.t.Helper()
	for range 1000 {
		n, err := w.conn.Depth(w.t.Context(), stream)
		if err != nil {
			w.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("stream %s does not run empty", stream)
}

// TestCrashAroundADecision kills the conductor when it has committed what needs a
// person: the timer is there afterwards.
func TestCrashAroundADecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(asking("{due: 1h}"))
	b := &dying{Broker: w.conn}
	_, stop := w.conductor(b)
	w.submit("k")
	w.await("k", 1)
	w.answer("k", "second", 1, nil)
	w.await("k", 2)
	stop()
	_, stop = w.conductor(&dying{Broker: w.conn, at: "after commit"})
	w.answer("k", "first", 1, flow.Recorded(fault.New(fault.HttpcallDenied, "", nil)))
	w.await("k", 3)
	stop()
	if w.queued(decisionTimer("k")) {
		t.Fatal("the timer was published: nothing was cut")
	}
	w.conductor(w.conn)
	w.awaitTimer("k", true)
	if n := len(w.history("k")); n != 3 {
		t.Errorf("%d records", n)
	}
}
