package mill_test

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// What others have lived through with what was not taken back, as tests that name it.

const thrice = "retry: { maxAttempts: 3, initial: 1ms, max: 1ms }"

// github.com/MassTransit/MassTransit/issues/1477: whoever subscribes to the failed
// compensations of an activity is told nothing when one fails, though those that
// succeed are told. Here the event is that the job needs a person, and it is told as
// well to those who only want to know of undos that fail, with what was thrown.
func TestStoryMassTransit1477FailureIsTold(t *testing.T) {
	t.Parallel()
	w, c := staged(t, acting("reserve-room", 0, 3))
	failed, done := w.listen(c, "undo.failed"), w.listen(c, "undo.succeeded")
	w.apply("trip", `
    - { id: room, uses: reserve-room@1, `+thrice+` }
    - { id: flight, uses: simulate@1, with: { fail: { class: policy } } }
`)
	job := w.accepted("trip", inline("k", "x"))
	got := within(t, "the failure is told", failed).Data
	if got.Event != "job.attention" || got.Cause != "undo.failed" || got.Job != job || got.Step.ID != "room" {
		t.Errorf("told %+v of step %+v", got, got.Step)
	}
	if u := got.Step.Undo; u.State != events.UndoAttention || u.Attempt != 3 || !strings.Contains(u.Fault.Message, "thrown") {
		t.Errorf("told %+v of the undo", u)
	}
	w.command(job, events.Command{Verb: events.VerbRetry})
	got = within(t, "the success is told", done).Data
	if got.Event != "job.rolled_back" || got.Cause != "undo.succeeded" || got.Step.Undo.State != events.UndoDone {
		t.Errorf("told %+v of step %+v", got, got.Step)
	}
	page, err := c.EventPage(t.Context(), client.EventQuery{Types: []string{"undo.failed"}})
	if err != nil || len(page.Events) != 1 || len(failed) != 0 {
		t.Errorf("listed are %+v, told are %d more (%v)", page, len(failed), err)
	}
}

// github.com/MassTransit/MassTransit/issues/4676: ActivityB is redelivered and fails
// all the same, and its redeliveries are counted against the compensation of
// ActivityA, which is tried less often than it says, or not again at all when both
// have the same policy. Here both have it, and A has used up its own tries when it was
// done, too: its undo has all of them.
func TestStoryMassTransit4676OwnBudget(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		undos int32
		ends  events.JobState
		undo  events.UndoState
	}{
		"the last try works": {2, events.JobRolledBack, events.UndoDone},
		"none works":         {99, events.JobAttention, events.UndoAttention},
	} {
		t.Run(name, func(t *testing.T) {
			a := acting("activity-a", 2, test.undos)
			w, _ := staged(t, a)
			w.apply("slip", `
    - { id: a, uses: activity-a@1, `+thrice+` }
    - { id: b, uses: simulate@1, with: { fail: { class: transient } }, `+thrice+` }
`)
			job := w.accepted("slip", inline("k", "x"))
			j := w.await(job, string(test.ends), func(j events.Job) bool { return j.State == test.ends })
			same(t, "attempts of b", j.Steps["b"].Attempt, 3)
			same(t, "runs of a", a.runs.Load(), 3)
			same(t, "undos of a", a.undos.Load(), 3)
			if u := j.Steps["a"].Undo; u == nil || u.State != test.undo || u.Attempt != 3 {
				t.Errorf("the undo stands at %+v", u)
			}
		})
	}
}

// github.com/MassTransit/MassTransit/issues/3942: a slip of an order, the stock and a
// payment is to be compensated, and "the compensate log could not be read". Here what a
// step gave is in the record of the job. A stage that cannot read it loses nothing: the
// job asks for a person, and when the stage is mended, each undo is given the very
// result of its step, however large.
func TestStoryMassTransit3942UnreadableLog(t *testing.T) {
	t.Parallel()
	big := map[string]string{}
	for i := range 64 {
		big["line-"+string(rune('A'+i/26))+string(rune('a'+i%26))] = strings.Repeat("ü", 500)
	}
	var mended atomic.Bool
	var undone []string
	given := map[string]map[string]string{}
	logging := func(name string, log map[string]string) *actor {
		return &actor{
			name: name,
			run:  func(int32) (stage.Result, error) { return stage.Result{Findings: log}, nil },
			undo: func(_ int32, done stage.Result) error {
				if !mended.Load() {
					panic("the compensate log could not be read")
				}
				undone, given[name] = append(undone, name), done.Findings
				return nil
			},
		}
	}
	order, stock := logging("create-order", map[string]string{"id": "4711"}), logging("deduct-stock", big)
	w, _ := staged(t, order, stock)
	w.apply("slip", `
    - { id: order, uses: create-order@1, `+thrice+` }
    - { id: stock, uses: deduct-stock@1, `+thrice+` }
    - { id: pay, uses: simulate@1, with: { fail: { class: policy } } }
`)
	job := w.accepted("slip", inline("k", "x"))
	j := w.attention(job)
	u := j.Steps["stock"].Undo
	if u == nil || u.Attempt != 3 || u.Fault == nil || u.Fault.Code != string(fault.StagePanic) || j.Steps["order"].Undo != nil {
		t.Errorf("the undo stands at %+v, and that of the step before at %+v", u, j.Steps["order"].Undo)
	}
	same(t, "the log", j.Steps["stock"].Findings, big)
	w.stop()
	mended.Store(true)
	w.start()
	w.command(job, events.Command{Verb: events.VerbRetry})
	same(t, "end", w.final(job).State, events.JobRolledBack)
	same(t, "order", undone, []string{"deduct-stock", "create-order"})
	same(t, "logs", given, map[string]map[string]string{"create-order": {"id": "4711"}, "deduct-stock": big})
}

// github.com/MassTransit/Sample-Courier/issues/2: "You can't compensate the first
// activity": one that faults has recorded nothing yet that could be compensated. Here
// the first and only step faults halfway, and what it did until then is taken back.
func TestStorySampleCourier2FirstActivity(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	w, _ := staged(t)
	w.apply("slip", `
    - id: first
      uses: command@1
      with:
        run: [sh, -c, 'cat >`+dir+`/$MILLRACE_KEY; echo half done >>`+log+`; exit 3']
        undo: {run: [sh, -c, 'rm `+dir+`/$MILLRACE_KEY && echo undone >>`+log+`']}
`)
	j := w.final(w.accepted("slip", inline("k", "x")))
	if st := j.Steps["first"]; j.State != events.JobRolledBack || st.State != events.StepFailed || st.Undo == nil || st.Undo.State != events.UndoDone {
		t.Errorf("the job is %s, its step %+v with the undo %+v", j.State, st, st.Undo)
	}
	same(t, "left", filesIn(dir)(t), map[string]string{})
	same(t, "done", readFile(t, log), "half done\nundone\n")
}

// github.com/MassTransit/MassTransit-Courier/issues/7: an activity that throws faults
// the slip at once, without another try; so does a compensation, and the message is
// gone and in no error queue. Here each has its tries, and what has none left waits
// for a person, who decides.
func TestStoryCourier7Thrown(t *testing.T) {
	t.Parallel()
	first, second := acting("first", 2, 4), acting("second", 99, 0)
	w, c := staged(t, first, second)
	w.apply("slip", "    - { id: first, uses: first@1, "+thrice+" }\n    - { id: second, uses: second@1, "+thrice+" }\n")
	job := w.accepted("slip", inline("k", "x"))
	j := w.attention(job)
	same(t, "runs", []int32{first.runs.Load(), second.runs.Load()}, []int32{3, 3})
	if _, err := c.Abandon(t.Context(), job, "it will not work"); err != nil {
		t.Fatal(err)
	}
	j = w.await(job, "to attention for an undo", func(j events.Job) bool {
		return j.State == events.JobAttention && j.Steps["first"].Undo != nil
	})
	same(t, "undos", []int32{first.undos.Load(), second.undos.Load()}, []int32{3, 1})
	if f := j.Steps["first"].Undo.Fault; f == nil || !strings.Contains(f.Message, "thrown") {
		t.Errorf("what was thrown is kept as %+v", f)
	}
	if _, err := c.Retry(t.Context(), job, "try again"); err != nil {
		t.Fatal(err)
	}
	same(t, "end", w.final(job).State, events.JobRolledBack)
	same(t, "undos", []int32{first.undos.Load(), second.undos.Load()}, []int32{5, 1})
}

// github.com/Netflix/conductor/issues/212: the second of two steps of a provisioning
// fails, and the first must be reverted; for that one writes a failure workflow, and
// cannot say in which version it is to run. Here the step says how it is taken back,
// and it is taken back as the version says that did it.
func TestStoryConductor212Version(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	begun, goOn := make(chan struct{}), make(chan struct{})
	second := acting("second", 0, 0)
	second.run = func(int32) (stage.Result, error) {
		close(begun)
		<-goOn
		return stage.Result{}, fault.New(fault.SubmitBadName, "no such network", nil)
	}
	w, _ := staged(t, second)
	version := func(name string) {
		w.apply("provision", `
    - id: first
      uses: command@1
      with:
        run: [sh, -c, 'cat >`+dir+`/$MILLRACE_KEY']
        undo: {run: [sh, -c, 'rm `+dir+`/$MILLRACE_KEY; echo `+name+` >>`+log+`']}
    - { id: second, uses: second@1 }
`)
	}
	version("one")
	job := w.accepted("provision", inline("k", "x"))
	within(t, "the second step begins", begun)
	version("two")
	close(goOn)
	same(t, "end", w.final(job).State, events.JobRolledBack)
	same(t, "left", filesIn(dir)(t), map[string]string{})
	same(t, "reverted by version", readFile(t, log), "one\n")
}

// github.com/conductor-oss/conductor/issues/16: a workflow whose task fails gets its
// failure workflow, but one that is ended through the API does not, and what it did
// stays. Here it is taken back in whatever state the job is ended.
func TestStoryConductor16EndedByHand(t *testing.T) {
	t.Parallel()
	for state, with := range map[events.JobState]string{
		events.JobRunning:   "with: { hang: true }",
		events.JobWaiting:   "with: { fail: { class: transient, retry_after: 1h } }",
		events.JobAttention: "with: { fail: { class: auth } }",
		events.JobPaused:    "with: { fail: { class: transient, retry_after: 1h } }",
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			first := acting("first", 0, 0)
			w, c := staged(t, first)
			w.apply("two", "    - { id: first, uses: first@1 }\n    - { id: second, uses: simulate@1, "+with+" }\n")
			job := w.accepted("two", inline("k", "x"))
			if state == events.JobPaused {
				w.await(job, "waiting", func(j events.Job) bool { return j.State == events.JobWaiting })
				if _, err := c.Pause(t.Context(), job, ""); err != nil {
					t.Fatal(err)
				}
			}
			w.await(job, string(state), func(j events.Job) bool { return j.State == state && j.Steps["second"].Attempt == 1 })
			if _, err := c.Cancel(t.Context(), job, "not wanted"); err != nil {
				t.Fatal(err)
			}
			j := w.final(job)
			if u := j.Steps["first"].Undo; j.State != events.JobCancelled || u == nil || u.State != events.UndoDone {
				t.Errorf("the job is %s with the undo %+v", j.State, u)
			}
			same(t, "undos", first.undos.Load(), 1)
		})
	}
}

// github.com/apache/camel, saga-eip.adoc: when a compensation cannot be done after all
// retries, "a manual intervention process should be triggered" by the implementation of
// the saga, and the one that comes with it keeps its sagas in memory only. Here the
// manual process is a decision that waits for a person, also after a restart, and the
// compensation goes on behind it where it stood.
func TestStoryCamelManualProcess(t *testing.T) {
	t.Parallel()
	for choice, calls := range map[events.DecisionChoice]int32{events.ChooseRetry: 4, events.ChooseAccept: 3} {
		t.Run(string(choice), func(t *testing.T) {
			order, credit, parcel := acting("new-order", 0, 0), acting("reserve-credit", 0, 3), acting("send-parcel", 0, 0)
			w, _ := staged(t, order, credit, parcel)
			w.apply("buy", `
    - { id: order, uses: new-order@1, `+thrice+` }
    - { id: credit, uses: reserve-credit@1, `+thrice+` }
    - { id: parcel, uses: send-parcel@1, `+thrice+` }
    - { id: thank, uses: simulate@1, with: { fail: { class: policy } } }
`)
			job := w.accepted("buy", inline("k", "x"))
			w.attention(job)
			undos := func() []int32 { return []int32{parcel.undos.Load(), credit.undos.Load(), order.undos.Load()} }
			same(t, "undos", undos(), []int32{1, 3, 0})
			w.stop()
			w.start()
			c := w.client()
			d, err := c.Decision(t.Context(), job+".credit.undo")
			if err != nil {
				t.Fatal(err)
			}
			if d.Fault == nil || !strings.Contains(d.Fault.Message, "thrown") || d.DueAt.IsZero() {
				t.Errorf("a person is asked %+v", d)
			}
			if _, err := c.Decide(t.Context(), d.ID, d.Version, api.DecisionAnswer{Choice: choice, Reason: "I paid it back"}); err != nil {
				t.Fatal(err)
			}
			j := w.final(job)
			same(t, "undos", undos(), []int32{1, calls, 1})
			if u := j.Steps["credit"].Undo; (u.Accepted == "I paid it back") != (choice == events.ChooseAccept) || j.State != events.JobRolledBack {
				t.Errorf("the job is %s with the undo %+v", j.State, u)
			}
		})
	}
}
