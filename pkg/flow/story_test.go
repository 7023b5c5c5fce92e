package flow_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// dice is where a story's choices come from: rapid, or a seed.
type dice func(label string, sides int) int

func (d dice) oneIn(label string, n int) bool { return d(label, n) == 0 }

func pick[T any](d dice, label string, from []T) T { return from[d(label, len(from))] }

// story is a random job: a random plan and random inputs, each checked.
type story struct {
	*world
	dice dice
	// rules says that rules of operators speak about failures.
	rules bool
	// heard are inputs that can arrive again at any time.
	heard []events.Input
	// undone counts the successful undos per step, in order of their arrival.
	undone []string
	seen   coverage
}

// coverage counts what a set of stories has met.
type coverage map[string]int

// randomPlan draws a DAG of up to six steps.
func randomPlan(d dice) *flow.Plan {
	n := 1 + d("steps", 6)
	steps := make([]flow.Step, n)
	for i := range steps {
		s := &steps[i]
		s.ID = string(rune('a' + i))
		for k := range i {
			if d.oneIn("need", 2) {
				s.Needs = append(s.Needs, steps[k].ID)
			}
		}
		s.Critical = d.oneIn("critical", 3)
		s.Compensable = d.oneIn("compensable", 2)
		s.Fetches = d.oneIn("fetches", 3)
		s.Retry = flow.Retry{MaxAttempts: 1 + d("budget", 3)}
		s.Attention = attention(d)
		if d.oneIn("total", 12) {
			s.TotalLimit = time.Hour
		}
		switch d("when", 8) {
		case 0:
			s.When = always(false)
		case 1:
			s.When = condition(func(f flow.Facts) (bool, error) { return len(f.Files)%2 == 0, nil })
		case 2:
			s.When = always(true)
		case 3:
			if d.oneIn("broken", 3) {
				s.When = broken()
			}
		}
		if d.oneIn("with", 3) {
			s.With = template(func(f flow.Facts) (json.RawMessage, error) {
				if len(f.Files) > 6 {
					return nil, errExpression
				}
				return json.Marshal(len(f.Files))
			})
		}
	}
	p := newPlan(steps...)
	if d.oneIn("deadline", 7) {
		p.Deadline = 2 * time.Hour
	}
	for i := range d("outputs", 3) {
		p.Outputs = append(p.Outputs, flow.Output{
			Name: fmt.Sprintf("out%d", i),
			Value: filesExpr(func(f flow.Facts) ([]events.File, error) {
				files := f.Job.Steps[steps[i%n].ID].Files
				if len(files) == 3 {
					return nil, errExpression
				}
				return files, nil
			}),
		})
	}
	return p
}

func newStory(t testing.TB, d dice, seen coverage) *story {
	t.Helper()
	s := &story{world: newWorld(t, randomPlan(d)), dice: d, seen: seen}
	in := submission(s.plan)
	in.Submit.Rules = d("rules", flow.Rules+1)
	s.hear(in)
	return s
}

// tell plays random inputs, and then answers what is open until the job ends.
func (s *story) tell() {
	s.t.Helper()
	for range s.dice("length", 30) {
		s.hear(s.anyInput())
	}
	for range 1000 {
		if flow.Final(s.job.State) {
			s.checkEnd()
			return
		}
		s.hear(s.usefulInput())
	}
	s.t.Fatalf("the job does not end: %s", asJSON(s.t, s.job))
}

// anyInput returns what may or may not fit the job.
func (s *story) anyInput() events.Input {
	step := pick(s.dice, "step", s.plan.Steps).ID
	attempt := s.dice("attempt", 4)
	switch s.dice("input", 12) {
	case 0, 1, 2:
		return pick(s.dice, "again", s.heard)
	case 3:
		return s.answer(step, attempt, s.dice.oneIn("undo", 2))
	case 4:
		in := timer(step, attempt, s.dice.oneIn("undo", 2))
		in.Timer.Limit = pick(s.dice, "limit", []events.Limit{"", "", "", events.LimitTotal, events.LimitDeadline, "rubbish"})
		return in
	case 5:
		return s.order(step)
	case 6:
		return resumption(step, attempt, uint64(1+s.dice("claim", 9)))
	}
	return s.usefulInput()
}

// usefulInput returns an input that moves the job, if it is live.
func (s *story) usefulInput() events.Input {
	due := flow.Outstanding(s.plan, s.job)
	if !s.dice.oneIn("late", 6) {
		due = moving(due)
	}
	if s.job.State == events.JobPaused && (len(due) == 0 || s.dice.oneIn("resume", 3)) {
		return command(events.VerbResume)
	}
	if len(due) == 0 || s.dice.oneIn("person", 5) {
		switch s.dice("way", 5) {
		case 0, 1:
			return command(events.VerbAbandon)
		case 2:
			return command(events.VerbAccept)
		case 3:
			return s.decide()
		}
		return s.retry()
	}
	d := pick(s.dice, "due", due)
	if d.Kind == events.DueTimer {
		in := timer(d.Step, d.Attempt, d.Undo)
		in.Timer.Limit = d.Limit
		return in
	}
	if _, err := flow.Task(s.plan, s.job, d, 1); err != nil {
		s.t.Fatalf("task of %+v: %v", d, err)
	}
	return s.answer(d.Step, d.Attempt, d.Kind == events.DueUndo)
}

// order is a command that may not fit.
func (s *story) order(step string) events.Input {
	verb := pick(s.dice, "verb", []events.Verb{
		events.VerbCancel, events.VerbRetry, events.VerbPause, events.VerbResume, events.VerbSkip, events.VerbAccept,
		events.VerbPause, events.VerbSkip,
	})
	if verb == events.VerbRetry {
		return s.retry()
	}
	in := command(verb)
	in.Control.Force = s.dice.oneIn("force", 2)
	if verb == events.VerbSkip || s.dice.oneIn("named", 3) {
		in.Control.Step = step
	}
	return in
}

// retry is a person's retry, with or without a word on effects.
func (s *story) retry() events.Input {
	switch s.dice("settle", 3) {
	case 0:
		return settle(events.SettleDone)
	case 1:
		return settle(events.SettleNotDone)
	}
	return command(events.VerbRetry)
}

// answer returns an answer that more often than not is a success.
func (s *story) answer(step string, attempt int, undo bool) events.Input {
	in := success(step, attempt)
	if s.dice.oneIn("failed", 2) {
		in = failure(step, attempt, pick(s.dice, "class", []fault.Class{
			fault.Transient, fault.Timeout, fault.Conflict, fault.RateLimited, fault.DependencyDown,
			fault.Unclassified, fault.Auth, fault.UnknownEffect, fault.Bug, fault.Cancelled,
			fault.DataQuality, fault.Policy, fault.Poison, "rubbish",
		}))
		if in.Outcome.Fault.Class == string(fault.UnknownEffect) && s.dice.oneIn("named", 2) {
			in.Outcome.Effect = "order"
		}
		if s.dice.oneIn("time", 12) {
			in.Outcome.Fault.Code = pick(s.dice, "code", []string{string(fault.StageTotalExceeded), string(fault.JobDeadlineExceeded)})
		}
		if s.dice.oneIn("after", 4) {
			in.Outcome.Fault.RetryAfterMS = 1500
		}
		if s.rules && s.dice.oneIn("ruled", 2) {
			in.Ruling = s.ruling()
		}
	}
	for i := range s.dice("files", 3) {
		in.Outcome.Files = append(in.Outcome.Files, file(fmt.Sprint(step, i)))
	}
	in.Outcome.Undo = undo
	return in
}

// hear applies an input and checks what every input must keep.
func (s *story) hear(in events.Input) {
	s.t.Helper()
	before, said := s.job, asJSON(s.t, s.job)
	input := asJSON(s.t, in)
	s.heard = append(s.heard, in)
	tr, err := s.apply(in)
	if asJSON(s.t, before) != said || asJSON(s.t, in) != input {
		s.t.Fatalf("%s changed its arguments: %s", input, said)
	}
	switch {
	case err != nil:
		if in.Control == nil || !refusal(err) {
			s.t.Fatalf("%s is refused: %v", input, err)
		}
		return
	case !tr.Changed:
		if got := asJSON(s.t, tr.Job); got != said || tr.Type != "" || tr.Due != nil {
			s.t.Fatalf("%s is stale but gives %s", input, got)
		}
		return
	}
	s.checkPure(before, in)
	s.checkTransition(before, tr)
	s.checkJob()
	s.checkUndo(before, in)
	s.checkDecisions()
	if len(s.records)%3 == 0 || flow.Final(s.job.State) {
		s.checkAllowed()
		s.checkExplained()
	}
	s.seen.note(before, tr)
	if s.dice.oneIn("reload", 3) {
		s.reload()
	}
}

// reload goes on with the state as it is read from the record.
func (s *story) reload() {
	s.t.Helper()
	var j events.Job
	if err := json.Unmarshal([]byte(asJSON(s.t, s.job)), &j); err != nil {
		s.t.Fatal(err)
	}
	s.job = j
}

func (seen coverage) note(before events.Job, tr flow.Transition) {
	seen["job "+string(tr.Job.State)]++
	seen["type "+tr.Type]++
	seen["from "+string(before.State)+" to "+string(tr.Job.State)]++
	for _, st := range tr.Job.Steps {
		seen["step "+string(st.State)]++
		if st.Reason != "" {
			seen["reason "+st.Reason]++
		}
		if st.Undo != nil {
			seen["undo "+string(st.Undo.State)]++
		}
	}
}

// checkPure applies the input again: to the state before, which must give the
// same, and to the state after, which must change nothing.
func (s *story) checkPure(before events.Job, in events.Input) {
	s.t.Helper()
	env := flow.Env{Now: s.now, Entropy: s.entropy}
	again, err := flow.Apply(s.plan, before, in, env)
	if err != nil || asJSON(s.t, again) != asJSON(s.t, s.last) {
		s.t.Fatalf("the same arguments give %s (%v) and not %s",
			asJSON(s.t, again), err, asJSON(s.t, s.last))
	}
	env = flow.Env{Now: s.now.Add(time.Second), Entropy: 5}
	twice, err := flow.Apply(s.plan, s.job, in, env)
	if twice.Changed || asJSON(s.t, twice.Job) != asJSON(s.t, s.job) {
		s.t.Fatalf("the second %s changes something: %s", asJSON(s.t, in), asJSON(s.t, twice))
	}
	if err != nil && (in.Control == nil || !refusal(err)) {
		s.t.Fatalf("the second %s is refused: %v", asJSON(s.t, in), err)
	}
}

// moving returns what is due but for the timers of limits.
func moving(due []events.DueItem) []events.DueItem {
	return slices.DeleteFunc(slices.Clone(due), func(d events.DueItem) bool { return d.Limit != "" })
}

// without returns the items of a that b does not have.
func without(a, b []events.DueItem) []events.DueItem {
	return slices.DeleteFunc(slices.Clone(a), func(d events.DueItem) bool {
		return slices.Contains(b, d)
	})
}
