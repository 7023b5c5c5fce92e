package flow_test

import (
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// byRules returns a world whose job was accepted by that version of the rules.
func byRules(t *testing.T, p *flow.Plan, rules int) *world {
	t.Helper()
	w := newWorld(t, p)
	in := submission(p)
	in.Submit.Rules = rules
	w.must(in)
	return w
}

// tellAttention is a job that needs a person time and again: for two steps at once,
// for one while it is paused, for an effect, and for an undo.
func tellAttention(t *testing.T, rules int) *world {
	t.Helper()
	p := chain("a", "b", "c")
	p.Steps = append(p.Steps, flow.Step{ID: "d", Stage: "work@1", Compensable: true}, flow.Step{ID: "e", Stage: "work@1"})
	p.Steps[0].Retry.MaxAttempts, p.Steps[1].Retry.MaxAttempts = 2, 2
	w := byRules(t, p, rules)
	w.fail("d", fault.Auth)
	w.fail("e", fault.Bug)
	w.command(events.VerbPause)
	w.fail("a", fault.Auth)
	skip := command(events.VerbSkip)
	skip.Control.Step = "e"
	w.must(skip)
	w.command(events.VerbResume)
	w.command(events.VerbRetry)
	w.fail("d", fault.Policy)
	if u := w.job.Steps["d"].Undo; u != nil {
		w.undo("d", "")
	}
	w.ok("a")
	w.lose("b", "order")
	w.must(settle(events.SettleDone))
	w.ok("b")
	w.fail("c", fault.Auth)
	w.command(events.VerbCancel)
	for w.job.Steps["c"].Undo != nil && w.job.Steps["c"].Undo.State == events.UndoQueued {
		w.undo("c", "")
	}
	w.undo("b", fault.Transient)
	w.must(timer("b", 1, true))
	w.undo("b", fault.Policy)
	w.command(events.VerbAccept)
	w.undo("a", "")
	return w
}
