package flow

import (
	"slices"

	"github.com/millrace/millrace/events"
)

// Members of a command besides its verb.
const (
	MemberReason       = "reason"
	MemberStep         = "step"
	MemberForce        = "force"
	MemberEffect       = "effect"
	MemberPlan         = "plan"
	MemberIrreversible = "irreversible"
)

// members are what the commands take, in the order in which they are told.
var members = map[events.Verb][]string{
	events.VerbCancel:   {MemberReason},
	events.VerbRetry:    {MemberStep, MemberEffect, MemberReason},
	events.VerbAbandon:  {MemberReason},
	events.VerbPause:    {MemberReason},
	events.VerbResume:   {MemberReason},
	events.VerbSkip:     {MemberStep, MemberForce, MemberReason},
	events.VerbAccept:   {MemberStep, MemberReason},
	events.VerbRollback: {MemberPlan, MemberIrreversible, MemberReason},
}

// Members returns what a command with that verb may say besides, by its name on
// the wire. It returns none for what is no verb.
func Members(v events.Verb) []string { return slices.Clone(members[v]) }

// Allowed returns the commands that job j takes as it is now, by verb: those that
// [Apply] neither refuses nor finds done already. It knows nothing of its own: it
// asks Apply, with as little said as Apply lets pass. Other commands may be allowed
// a moment later. A job that has ended can also be run again, which is no command to
// it; see [Rerunnable].
func Allowed(p *Plan, j events.Job) []events.Choice {
	a := asking{plan: p, job: j}
	var list []events.Choice
	if Rerunnable(j) == nil {
		list = append(list, events.Choice{Verb: events.VerbRerun})
	}
	for _, verb := range Verbs() {
		list = append(list, a.choices(verb)...)
	}
	return list
}

// AllowedFor returns those of the choices that may name a step.
func AllowedFor(choices []events.Choice, step string) []events.Choice {
	var list []events.Choice
	for _, c := range choices {
		if slices.Contains(c.Steps, step) {
			list = append(list, c)
		}
	}
	return list
}

// asking finds out what a job takes by trying it.
type asking struct {
	plan *Plan
	job  events.Job
}

// choices returns what a job takes of one verb: one choice for each set of members
// that it needs.
func (a asking) choices(verb events.Verb) []events.Choice {
	whole, all := a.least(events.Command{Verb: verb})
	var list []events.Choice
	if slices.Contains(members[verb], MemberStep) {
		for i := range a.plan.Steps {
			id := a.plan.Steps[i].ID
			needs, ok := a.least(events.Command{Verb: verb, Step: id})
			if !ok {
				continue
			}
			if !all || !slices.Equal(needs, whole) {
				needs = append([]string{MemberStep}, needs...)
			}
			list = withStep(list, verb, id, needs)
		}
	}
	if all && !slices.ContainsFunc(list, func(c events.Choice) bool { return slices.Equal(c.Needs, whole) }) {
		list = append(list, events.Choice{Verb: verb, Needs: whole})
	}
	return list
}

// withStep adds a step to the choice with the same needs, or makes it.
func withStep(list []events.Choice, verb events.Verb, id string, needs []string) []events.Choice {
	for i := range list {
		if slices.Equal(list[i].Needs, needs) {
			list[i].Steps = append(list[i].Steps, id)
			return list
		}
	}
	return append(list, events.Choice{Verb: verb, Steps: []string{id}, Needs: needs})
}

// least returns the members, but for the step, without which the job does not take
// a command, and whether it takes it at all. Only a word on effects can be too
// much; whatever else a command may say does no harm.
func (a asking) least(cmd events.Command) (needs []string, ok bool) {
	takes := members[cmd.Verb]
	for _, m := range takes {
		if m != MemberEffect && m != MemberStep {
			a.say(&cmd, m)
		}
	}
	if !a.takes(cmd) {
		if !slices.Contains(takes, MemberEffect) {
			return nil, false
		}
		if a.say(&cmd, MemberEffect); !a.takes(cmd) {
			return nil, false
		}
	}
	for _, m := range takes {
		if m == MemberStep {
			continue
		}
		less := cmd
		unsay(&less, m)
		if less == cmd {
			continue
		}
		if a.takes(less) {
			cmd = less
		} else {
			needs = append(needs, m)
		}
	}
	return needs, true
}

// takes reports whether a command would change the job.
func (a asking) takes(cmd events.Command) bool {
	t, err := Apply(a.plan, a.job, events.Input{Control: &cmd}, Env{})
	return err == nil && t.Changed
}

// say fills a member in.
func (a asking) say(cmd *events.Command, member string) {
	switch member {
	case MemberReason:
		cmd.Reason = "asking"
	case MemberForce:
		cmd.Force = true
	case MemberEffect:
		cmd.Effect = events.SettleDone
	case MemberIrreversible:
		cmd.Irreversible = true
	case MemberPlan:
		// A job that has no plan refuses whatever the command names.
		plan, _ := Rollback(a.plan, a.job)
		cmd.Plan = plan.Digest
	}
}

// unsay takes a member out again.
func unsay(cmd *events.Command, member string) {
	switch member {
	case MemberReason:
		cmd.Reason = ""
	case MemberForce:
		cmd.Force = false
	case MemberEffect:
		cmd.Effect = ""
	case MemberIrreversible:
		cmd.Irreversible = false
	case MemberPlan:
		cmd.Plan = ""
	}
}
