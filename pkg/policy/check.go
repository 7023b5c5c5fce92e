package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// Check says what is wrong with a rule that somebody wants to set at time now, and
// what they should know before they do. It asks what the schema of a rule cannot:
// whether the code exists, whether the rule contradicts itself, whether it has ended
// already. stages are the names of the stages of this build; a rule for another is
// only warned of, because workers elsewhere may have it.
//
// The complaints have the code rule.invalid and point into the rule.
func Check(r events.Rule, stages []string, now time.Time) (list []events.ProblemError, warnings []string) {
	c := &checker{rule: &r, stages: stages, now: now}
	c.match()
	c.then()
	c.until()
	if strings.TrimSpace(r.Reason) == "" {
		c.complain("/reason", "say why; it is kept with the rule")
	}
	return c.list, c.warnings
}

type checker struct {
	rule     *events.Rule
	stages   []string
	now      time.Time
	list     []events.ProblemError
	warnings []string
}

func (c *checker) complain(pointer, detail string) {
	c.list = append(c.list, events.ProblemError{
		Pointer: pointer, Code: string(fault.RuleInvalid), Detail: fault.Clip(detail, 1024),
		Hint: fault.RuleInvalid.Info().Hint,
	})
}

func (c *checker) warn(text string) { c.warnings = append(c.warnings, text) }

// match checks that the rule can be about something.
func (c *checker) match() {
	m := &c.rule.Match
	if conditions(m) == 0 {
		c.complain("/match", "give at least one of code, class, stage, pipeline, tenant and dependency")
	}
	if m.Class != "" && !fault.Class(m.Class).Known() {
		c.complain("/match/class", "there is no class "+fault.Clip(m.Class, 64))
	}
	if strings.Contains(strings.TrimSuffix(m.Code, "*"), "*") || m.Code == "*" {
		c.complain("/match/code", "an asterisk stands at the end, after the beginning of a code")
	} else if m.Code != "" {
		c.code(m.Code)
	}
	if strings.Contains(strings.TrimSuffix(m.Dependency, "*"), "*") || m.Dependency == "*" {
		c.complain("/match/dependency", "an asterisk stands at the end, after the beginning of a name")
	}
	if name, _, _ := strings.Cut(m.Stage, "@"); name != "" && !slices.Contains(c.stages, name) {
		c.warn("this build has no stage " + name + ": the rule is about workers elsewhere, or about nothing")
	}
	if m.Tenant == "" && m.Pipeline == "" && m.Dependency == "" && m.Stage == "" {
		c.warn("the rule holds for all stages and pipelines of all tenants")
	}
}

// code checks that there is such a code. Those of an area that this build does not
// know may be a stage's of somebody's own.
func (c *checker) code(want string) {
	area, _, dotted := strings.Cut(strings.TrimSuffix(want, "*"), ".")
	known := false
	for _, code := range fault.Codes() {
		if like(want, string(code)) {
			return
		}
		a, _, _ := strings.Cut(string(code), ".")
		known = known || a == area
	}
	if known || !dotted {
		c.complain("/match/code", "there is no code "+want+"; schemas/FAULTS.md lists them all")
		return
	}
	c.warn("this build knows no code " + want + ": the rule is about stages of your own, or about nothing")
}

// then checks that the rule says something, and does not contradict itself.
func (c *checker) then() {
	t := &c.rule.Then
	switch {
	case *t == (events.RuleThen{}):
		c.complain("/then", "give at least one of class, max_attempts, initial_ms, max_ms, factor, retry_after_ms and rate")
	case t.Class != "" && !fault.Class(t.Class).Known():
		c.complain("/then/class", "there is no class "+fault.Clip(t.Class, 64))
		return
	case fault.Class(t.Class) == fault.Cancelled:
		c.complain("/then/class", "a rule cancels nothing; use millrace job cancel")
	case *t == (events.RuleThen{Class: c.rule.Match.Class}):
		c.complain("/then/class", "that is the class which the faults have already")
	}
	if t.Class != "" && c.given() == fault.UnknownEffect {
		c.warn("faults of class unknown_effect keep their class: whether an effect was done is for a person to find out")
	}
	c.retry()
}

// retry checks what the rule says about next attempts.
func (c *checker) retry() {
	t := &c.rule.Then
	grows := t.InitialMS != 0 || t.MaxMS != 0 || t.Factor != 0
	if t.InitialMS < 0 || t.MaxMS < 0 || t.RetryAfterMS < 0 || t.MaxAttempts < 0 || t.Factor != 0 && !(t.Factor >= 1) {
		c.complain("/then", "delays and budgets are positive, and a factor is at least 1")
	}
	if t.InitialMS > 0 && t.MaxMS > 0 && t.InitialMS > t.MaxMS {
		c.complain("/then/initial_ms", "the first delay is longer than the longest")
	}
	if t.RetryAfterMS != 0 && grows {
		c.complain("/then/retry_after_ms", "a fixed wait contradicts initial_ms, max_ms and factor; give one or the other")
	}
	if _, ok := interval(t.Rate); !ok {
		c.complain("/then/rate", "write a number and /s, /m or /h, at most 1000/s")
	}
	p, known := c.policy()
	if !known {
		return
	}
	if waits := grows || t.RetryAfterMS != 0 || t.Rate != ""; !p.Again && (waits || t.MaxAttempts != 0) {
		c.complain("/then", "faults of class "+string(p.Class)+" are not tried again, so that there is no next attempt to speak of")
	}
	if p.Free && t.MaxAttempts != 0 {
		c.complain("/then/max_attempts", "faults of class "+string(p.Class)+" do not count, so that they have no budget")
	}
}

// given is the class that all faults have which the rule is about, or "" when that
// cannot be told.
func (c *checker) given() fault.Class {
	m := &c.rule.Match
	code := fault.Code(m.Code)
	switch {
	case m.Class != "":
		return fault.Class(m.Class)
	case slices.Contains(fault.Codes(), code):
		return code.Class()
	}
	return ""
}

// policy is what the central table says of the class that the faults are treated as.
// A fault may have another class than its code, so that one is asked only when the
// rule names it.
func (c *checker) policy() (flow.Policy, bool) {
	class := fault.Class(c.rule.Then.Class)
	if class == "" {
		class = fault.Class(c.rule.Match.Class)
	}
	for _, p := range flow.Policies() {
		if p.Class == class {
			return p, true
		}
	}
	return flow.Policy{}, false
}

// until checks that the rule has not ended, and that somebody thought of its end.
func (c *checker) until() {
	switch u := c.rule.Until; {
	case u.IsZero():
		c.warn("the rule has no end: it holds until somebody removes it")
	case !c.now.Before(u):
		c.complain("/until", "that time has passed")
	}
}

func joined(names []string) string { return fault.Clip(strings.Join(names, ", "), 512) }
