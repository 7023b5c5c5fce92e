package flow_test

import (
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// attention is what a step of a random plan does about undecided decisions.
func attention(d dice) flow.Attention {
	if !d.oneIn("attention", 2) {
		return flow.Attention{}
	}
	return flow.Attention{Default: pick(d, "default", flow.AttentionDefaults())}
}

// decide makes a decision that is open, if there is one.
func (s *story) decide() events.Input {
	open := flow.OpenDecisions(s.plan, s.job)
	if len(open) == 0 {
		return s.retry()
	}
	d := pick(s.dice, "decision", open)
	choices := flow.Choices(s.plan, s.job, d)
	if len(choices) == 0 {
		return s.retry()
	}
	return choose(d, pick(s.dice, "choice", choices))
}

// checkDecisions wants a decision to be open wherever a person is needed, and
// nowhere else, and each choice that it offers to be taken.
func (s *story) checkDecisions() {
	s.t.Helper()
	var want []string
	for i := range s.plan.Steps {
		id := s.plan.Steps[i].ID
		st := s.job.Steps[id]
		for _, undo := range []bool{false, true} {
			needed := st.State == events.StepAttention && !undo ||
				undo && st.Undo != nil && st.Undo.State == events.UndoAttention
			if needed && s.job.Rules >= 3 && !flow.Final(s.job.State) {
				d := st.Decision
				if undo {
					d = st.Undo.Decision
				}
				want = append(want, flow.DecisionID(s.job.ID, id, undo, d.Number))
			}
		}
	}
	var got []string
	for _, d := range flow.OpenDecisions(s.plan, s.job) {
		got = append(got, d.ID)
		s.checkOffer(d)
	}
	if !slices.Equal(want, got) {
		s.t.Fatalf("decisions %v are open, want %v: %s", got, want, asJSON(s.t, s.job))
	}
}

// checkOffer tries what an open decision offers, and that it has a time.
func (s *story) checkOffer(d events.DecisionRecord) {
	s.t.Helper()
	if !d.DueAt.After(d.OpenedAt) || d.Asked <= 0 || d.Number > d.Asked {
		s.t.Fatalf("decision %s", asJSON(s.t, d))
	}
	offered := flow.Choices(s.plan, s.job, d)
	if len(offered) == 0 {
		s.t.Fatalf("nothing can be chosen about %s in %s", d.ID, asJSON(s.t, s.job))
	}
	for _, c := range flow.AttentionDefaults() {
		in := choose(d, c)
		if in.Control.Verb != "" && s.takes(*in.Control) != slices.Contains(offered, c) {
			s.t.Fatalf("%s of %s, offered %v in %s", c, d.ID, offered, asJSON(s.t, s.job))
		}
	}
}

// refusal reports whether a command may be refused with an error.
func refusal(err error) bool {
	return fault.Has(err, fault.JobNotAllowed) || fault.Has(err, fault.DecisionMade) || fault.Has(err, fault.DecisionNotFound)
}
