package flow_test

import (
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// TestFinishedStoriesAreRolledBack goes on with stories that have ended well: each
// that did something is rolled back, through faults and persons, to an end in which
// nothing of it is left but what a person took for undone.
func TestFinishedStoriesAreRolledBack(t *testing.T) {
	t.Parallel()
	ends := map[events.JobState]int{}
	for seed := range uint64(600) {
		random := rand.New(rand.NewPCG(seed, 2))
		s := newStory(t, func(_ string, sides int) int { return random.IntN(sides) }, coverage{})
		s.tell()
		in := command(events.VerbRollback)
		in.Control.Plan, in.Control.Irreversible = s.digest(), true
		if in.Control.Plan == "" {
			s.refused(in, refusalOf(s))
			continue
		}
		s.hear(in)
		s.wantJob(events.JobCompensating)
		s.unwind()
		ends[s.job.State]++
	}
	if ends[events.JobRolledBack] < 50 || ends[events.JobFailed] == 0 || len(ends) != 2 {
		t.Errorf("rollbacks end in %v", ends)
	}
}

// refusalOf is why a job that has no plan is not rolled back.
func refusalOf(s *story) fault.Code {
	if s.job.State == events.JobCompleted || s.job.State == events.JobPartial {
		return fault.RollbackNothing
	}
	return fault.JobNotAllowed
}

// unwind answers what is open until the job has ended once more.
func (s *story) unwind() {
	s.t.Helper()
	for range 1000 {
		if flow.Final(s.job.State) {
			break
		}
		s.hear(s.usefulInput())
	}
	gaveUp := s.job.State == events.JobFailed
	for i := range s.plan.Steps {
		step := &s.plan.Steps[i]
		st := s.job.Steps[step.ID]
		undone := st.Undo != nil && st.Undo.State == events.UndoDone
		if step.Compensable && st.Order > 0 && !undone && !gaveUp {
			s.t.Fatalf("step %s is left as it was: %s", step.ID, asJSON(s.t, s.job))
		}
	}
	s.checkReplay()
}
