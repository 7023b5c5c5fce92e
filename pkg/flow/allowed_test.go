package flow_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// checkAllowed holds the commands that are said to be allowed against the machine:
// each is taken with what it needs, and refused without any of it; and random
// commands are taken when, and only when, they are among those.
func (s *story) checkAllowed() {
	s.t.Helper()
	choices := flow.Allowed(s.plan, s.job)
	for _, c := range choices {
		if c.Verb == events.VerbRerun { // no command to the job
			if err := flow.Rerunnable(s.job); err != nil {
				s.t.Fatal(err)
			}
			continue
		}
		for _, step := range append([]string{""}, c.Steps...) {
			if step == "" && slices.Contains(c.Needs, flow.MemberStep) {
				continue
			}
			s.checkChoice(c, s.least(c, step))
		}
	}
	// Apart from the dice, which would fall otherwise for whoever does not ask.
	random := rand.New(rand.NewPCG(s.entropy, uint64(len(s.records))))
	for range 4 {
		cmd := s.randomCommand(random)
		if _, want := described(choices, cmd); want != s.takes(cmd) {
			s.t.Fatalf("%+v is allowed: %v, by %+v in %s", cmd, want, choices, asJSON(s.t, s.job))
		}
	}
}

// checkChoice wants a command to be taken, and refused without what it needs.
func (s *story) checkChoice(c events.Choice, cmd events.Command) {
	s.t.Helper()
	if !s.takes(cmd) {
		s.t.Fatalf("%+v is said to be allowed, and %+v is not taken in %s", c, cmd, asJSON(s.t, s.job))
	}
	for _, member := range c.Needs {
		less := cmd
		switch member {
		case flow.MemberReason:
			less.Reason = ""
		case flow.MemberStep:
			less.Step = ""
		case flow.MemberForce:
			less.Force = false
		case flow.MemberEffect:
			less.Effect = ""
		case flow.MemberPlan:
			less.Plan = ""
		case flow.MemberIrreversible:
			less.Irreversible = false
		}
		if s.takes(less) {
			s.t.Fatalf("%+v needs %s, and %+v is taken in %s", c, member, less, asJSON(s.t, s.job))
		}
	}
}

// least is a choice as a command that says what it needs and no more.
func (s *story) least(c events.Choice, step string) events.Command {
	cmd := events.Command{Verb: c.Verb, Step: step}
	for _, member := range c.Needs {
		switch member {
		case flow.MemberReason:
			cmd.Reason = "why"
		case flow.MemberForce:
			cmd.Force = true
		case flow.MemberEffect:
			cmd.Effect = events.SettleNotDone
		case flow.MemberPlan:
			cmd.Plan = s.digest()
		case flow.MemberIrreversible:
			cmd.Irreversible = true
		}
	}
	return cmd
}

// digest is that of the plan of a rollback, if there is one.
func (s *story) digest() string {
	plan, err := flow.Rollback(s.plan, s.job)
	if err != nil && !fault.Has(err, fault.JobNotAllowed) && !fault.Has(err, fault.RollbackNothing) {
		s.t.Fatal(err)
	}
	return plan.Digest
}

func (s *story) takes(cmd events.Command) bool {
	tr, err := flow.Apply(s.plan, s.job, events.Input{Control: &cmd}, flow.Env{Now: s.now, Entropy: 3})
	return err == nil && tr.Changed
}

// randomCommand may name what is not there and say what nobody asked for.
func (s *story) randomCommand(random *rand.Rand) events.Command {
	verbs := append(flow.Verbs(), "dance")
	cmd := events.Command{Verb: verbs[random.IntN(len(verbs))]}
	some := func() bool { return random.IntN(3) > 0 }
	for _, member := range flow.Members(cmd.Verb) {
		if !some() {
			continue
		}
		switch member {
		case flow.MemberReason:
			cmd.Reason = "why"
		case flow.MemberStep:
			cmd.Step = "zz"
			if n := random.IntN(5 * len(s.plan.Steps)); n > 0 {
				cmd.Step = s.plan.Steps[n%len(s.plan.Steps)].ID
			}
		case flow.MemberForce:
			cmd.Force = true
		case flow.MemberEffect:
			cmd.Effect = events.SettleDone
		case flow.MemberPlan:
			cmd.Plan = s.digest()
		case flow.MemberIrreversible:
			cmd.Irreversible = true
		}
	}
	return cmd
}

// described returns the choice that a command is.
func described(choices []events.Choice, cmd events.Command) (events.Choice, bool) {
	said := map[string]bool{
		flow.MemberReason: cmd.Reason != "", flow.MemberStep: cmd.Step != "", flow.MemberForce: cmd.Force,
		flow.MemberEffect: cmd.Effect != "", flow.MemberPlan: cmd.Plan != "", flow.MemberIrreversible: cmd.Irreversible,
	}
	for _, c := range choices {
		fits := c.Verb == cmd.Verb && (cmd.Step == "" || slices.Contains(c.Steps, cmd.Step)) &&
			(cmd.Effect == "" || slices.Contains(c.Needs, flow.MemberEffect))
		for _, member := range c.Needs {
			fits = fits && said[member]
		}
		if fits {
			return c, true
		}
	}
	return events.Choice{}, false
}

func TestEveryCommandHasItsMembers(t *testing.T) {
	t.Parallel()
	for _, verb := range flow.Verbs() {
		if !slices.Contains(flow.Members(verb), flow.MemberReason) {
			t.Errorf("%s takes no reason: %v", verb, flow.Members(verb))
		}
	}
	if got := flow.Members("dance"); got != nil {
		t.Errorf("what is no command takes %v", got)
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	cancel, pause := events.Choice{Verb: events.VerbCancel}, events.Choice{Verb: events.VerbPause}
	abandon, rerun := events.Choice{Verb: events.VerbAbandon}, events.Choice{Verb: events.VerbRerun}
	skip := func(needs []string, steps ...string) events.Choice {
		return events.Choice{Verb: events.VerbSkip, Steps: steps, Needs: append([]string{flow.MemberStep}, needs...)}
	}
	force, effect := []string{flow.MemberForce}, []string{flow.MemberEffect}
	for name, tc := range map[string]struct {
		do   func(w *world)
		want []events.Choice
	}{
		"accepted": {func(*world) {}, []events.Choice{cancel, pause}},
		"paused": {
			func(w *world) { w.command(events.VerbPause) },
			[]events.Choice{cancel, {Verb: events.VerbResume}},
		},
		"waiting": {
			func(w *world) { w.fail("a", fault.Transient); w.fail("b", fault.Timeout) },
			[]events.Choice{cancel, pause, {Verb: events.VerbRetry, Steps: []string{"a", "b"}}, skip(force, "a"), skip(nil, "b")},
		},
		"attention": {
			func(w *world) { w.fail("a", fault.Auth); w.lose("b", "order") },
			[]events.Choice{
				abandon, cancel, pause,
				{Verb: events.VerbRetry, Steps: []string{"a"}, Needs: []string{flow.MemberStep}},
				{Verb: events.VerbRetry, Steps: []string{"b"}, Needs: effect},
				skip(force, "a"), skip(nil, "b"),
			},
		},
		"cancelling": {func(w *world) { w.command(events.VerbCancel) }, nil},
		"a failed undo": {
			func(w *world) { w.ok("b"); w.fail("a", fault.Policy); w.undo("a", ""); w.undo("b", fault.Policy) },
			[]events.Choice{
				abandon,
				{Verb: events.VerbAccept, Steps: []string{"b"}, Needs: []string{flow.MemberReason}},
				{Verb: events.VerbRetry, Steps: []string{"b"}},
			},
		},
		"completed": {
			func(w *world) { w.ok("a"); w.ok("b") },
			[]events.Choice{rerun, {Verb: events.VerbRollback, Needs: []string{flow.MemberPlan, flow.MemberReason}}},
		},
		"rolled back": {
			func(w *world) {
				w.ok("a")
				w.ok("b")
				w.must(w.rollback())
				w.undo("b", "")
				w.undo("a", "")
			}, []events.Choice{rerun},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := modern(t, newPlan(
				flow.Step{ID: "a", Critical: true, Compensable: true},
				flow.Step{ID: "b", Compensable: true, Retry: flow.Retry{MaxAttempts: 1}},
			))
			if name == "waiting" {
				w.plan.Steps[1].Retry.MaxAttempts = 3
			}
			tc.do(w)
			if diff := cmp.Diff(tc.want, flow.Allowed(w.plan, w.job)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", asJSON(t, w.job), diff)
			}
		})
	}
}

func TestIrreversibleStepMustBeAcceptedByWhoRollsBack(t *testing.T) {
	t.Parallel()
	p := chain("a", "b")
	p.Steps[1].Irreversible, p.Steps[1].Compensable = true, false
	w := modern(t, p)
	w.ok("a")
	w.ok("b")
	want := []events.Choice{{Verb: events.VerbRerun}, {
		Verb: events.VerbRollback, Needs: []string{flow.MemberPlan, flow.MemberIrreversible, flow.MemberReason},
	}}
	if diff := cmp.Diff(want, flow.Allowed(w.plan, w.job)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
