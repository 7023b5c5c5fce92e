package conductor

import (
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/policy"
)

// decide is [flow.Apply], after the rules of operators were asked about a failed
// attempt. What a rule says becomes part of the input, so that the record keeps it
// and the history gives the same job without the rule.
//
// A rule with a rate is heard twice: when the machine has said when the next attempt
// would be due, that time is moved to the first place which is free from then on.
func (c *Conductor) decide(
	p *flow.Plan, j events.Job, in *events.Input, env flow.Env,
) (flow.Transition, error) {
	o := in.Outcome
	if c.Rules == nil || o == nil || o.Verdict != events.VerdictFailed {
		return flow.Apply(p, j, *in, env)
	}
	rules := c.Rules.Rules()
	in.Ruling = rules.Rule(o.Fault, j.Steps[o.Step].Stage, j.Pipeline.Name, j.Tenant, env.Now)
	t, err := flow.Apply(p, j, *in, env)
	if err != nil || !t.Changed || in.Ruling == nil {
		return t, err
	}
	every, at := rules.Every(in.Ruling.Rule), retryAt(t.Job, o)
	if every == 0 || at.IsZero() {
		return t, nil
	}
	in.Ruling.RetryAt = c.paces.take(in.Ruling.Rule, every, at, env.Now)
	return flow.Apply(p, j, *in, env)
}

// retryAt is when the next attempt is due of what has just failed, zero when there is
// none.
func retryAt(j events.Job, o *events.AttemptOutcome) time.Time {
	st := j.Steps[o.Step]
	switch {
	case o.Undo && st.Undo != nil:
		return st.Undo.RetryAt
	case o.Undo:
		return time.Time{}
	}
	return st.RetryAt
}

// noteRuling logs what a rule said about a failed attempt.
func (c *Conductor) noteRuling(in events.Input) {
	g, o := in.Ruling, in.Outcome
	if g == nil {
		return
	}
	c.Log.Info("a rule speaks", "job", o.Job, "tenant", o.Tenant, "step", o.Step, "attempt", o.Attempt,
		"rule", g.Rule, "rule_revision", g.Revision, "code", o.Fault.Code, "class", o.Fault.Class,
		"treated_as", g.Class, "retry_at", g.RetryAt)
}

// maxPaces is how many rules with a rate are remembered. There are never as many at
// once; the names of others are forgotten with all the rest.
const maxPaces = 1024

// paces are the places in time that rules with a rate have given away in this
// process.
type paces struct {
	mu     sync.Mutex
	byRule map[string]pace
}

type pace struct {
	every time.Duration
	*policy.Pace
}

// take takes a place of a rule. A rule whose rate has changed begins anew.
func (s *paces) take(rule string, every time.Duration, at, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byRule) >= maxPaces || s.byRule == nil {
		s.byRule = map[string]pace{}
	}
	p := s.byRule[rule]
	if p.every != every {
		p = pace{every, policy.NewPace(every)}
		s.byRule[rule] = p
	}
	return p.Take(at, now)
}
