package flow_test

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

func TestEveryStoryKeepsTheRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := dice(func(label string, sides int) int { return rapid.IntRange(0, sides-1).Draw(rt, label) })
		newStory(rapidTB{t, rt}, d, coverage{}).tell()
	})
}

// rapidTB is a testing.TB whose failures rapid can shrink.
type rapidTB struct {
	testing.TB
	rt *rapid.T
}

func (r rapidTB) Helper()                   {}
func (r rapidTB) Fatal(args ...any)         { r.rt.Fatal(args...) }
func (r rapidTB) Fatalf(f string, a ...any) { r.rt.Fatalf(f, a...) }

// TestStoriesMeetEverything plays a fixed set of stories and asks whether they
// met every state, every type of record, and every way from state to state.
func TestStoriesMeetEverything(t *testing.T) {
	t.Parallel()
	seen := coverage{}
	for seed := range uint64(4000) {
		random := rand.New(rand.NewPCG(seed, 1))
		newStory(t, func(label string, sides int) int {
			if hurry := seed%3 == 0; hurry && (label == "deadline" || label == "total" || label == "late") {
				sides = 2
			}
			return random.IntN(sides)
		}, seen).tell()
	}
	for _, want := range everything() {
		if seen[want] == 0 {
			t.Errorf("no story met: %s", want)
		}
		delete(seen, want)
	}
	for what := range seen {
		t.Errorf("a story met what is not listed: %s", what)
	}
}

// everything lists what stories can meet.
func everything() []string {
	all := []string{"reason " + flow.ReasonNeedsFailed, "reason " + flow.ReasonWhenFalse, "reason " + flow.ReasonByPerson}
	for _, s := range []events.JobState{
		events.JobAccepted, events.JobRunning, events.JobWaiting, events.JobAttention, events.JobPaused,
		events.JobCancelling, events.JobCompensating, events.JobCompleted, events.JobPartial,
		events.JobFailed, events.JobCancelled, events.JobRolledBack,
	} {
		all = append(all, "job "+string(s))
	}
	for _, s := range []events.StepState{
		events.StepPending, events.StepQueued, events.StepRetrying, events.StepAttention,
		events.StepSucceeded, events.StepFailed, events.StepSkipped, events.StepCancelled,
	} {
		all = append(all, "step "+string(s))
	}
	for _, s := range []events.UndoState{
		events.UndoQueued, events.UndoRetrying, events.UndoAttention, events.UndoDone,
	} {
		all = append(all, "undo "+string(s))
	}
	for _, e := range flow.EventTypes() {
		if e.Kind != "" {
			all = append(all, "type "+e.Name)
		}
	}
	for from, ways := range transitions {
		for _, to := range ways {
			all = append(all, "from "+string(from)+" to "+string(to))
		}
	}
	return all
}

// transitions are the ways a job can go within one record. A record may walk
// several edges of the machine, so that there are more of them than edges.
var transitions = map[events.JobState][]events.JobState{
	"": {events.JobAccepted, events.JobCompleted, events.JobPartial, events.JobFailed},
	events.JobAccepted: {
		events.JobAccepted, events.JobRunning, events.JobWaiting, events.JobAttention, events.JobCancelling,
		events.JobCompensating, events.JobCompleted, events.JobPartial, events.JobFailed, events.JobPaused,
	},
	events.JobRunning: {
		events.JobRunning, events.JobWaiting, events.JobAttention, events.JobCancelling, events.JobPaused,
		events.JobCompensating, events.JobCompleted, events.JobPartial, events.JobFailed,
	},
	events.JobWaiting: {
		events.JobRunning, events.JobWaiting, events.JobCompensating, events.JobFailed,
		events.JobCancelled, events.JobPaused, events.JobCompleted, events.JobPartial, events.JobAttention,
	},
	events.JobAttention: {
		events.JobRunning, events.JobCompensating, events.JobPartial, events.JobFailed,
		events.JobCancelled, events.JobPaused, events.JobAttention, events.JobCompleted, events.JobRolledBack,
	},
	events.JobPaused: {
		events.JobPaused, events.JobRunning, events.JobWaiting, events.JobAttention, events.JobCancelling,
		events.JobCancelled, events.JobCompensating, events.JobCompleted, events.JobPartial, events.JobFailed,
	},
	events.JobCancelling: {events.JobCancelling, events.JobCompensating, events.JobCancelled},
	events.JobCompensating: {
		events.JobCompensating, events.JobAttention, events.JobRolledBack, events.JobCancelled,
	},
}
