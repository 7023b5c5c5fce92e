package flow

import (
	"slices"

	"github.com/millrace/millrace/events"
)

// option is something that a decision may offer: a command, and what it means.
type option struct {
	choice events.DecisionChoice
	verb   events.Verb
	effect events.Settlement
	force  bool
	means  string
}

// options are all of them, in the order in which they are told.
var options = []option{
	{choice: events.ChooseRetry, verb: events.VerbRetry, means: "try again, with a fresh budget"},
	{
		choice: events.ChooseEffectDone, verb: events.VerbRetry, effect: events.SettleDone,
		means: "the effect that nobody could tell of was done: go on without doing it again",
	},
	{
		choice: events.ChooseEffectNotDone, verb: events.VerbRetry, effect: events.SettleNotDone,
		means: "the effect that nobody could tell of was not done: do it again",
	},
	{
		choice: events.ChooseSkip, verb: events.VerbSkip,
		means: "go on without the step; its inputs are its files",
	},
	{
		choice: events.ChooseForceSkip, verb: events.VerbSkip, force: true,
		means: "go on without the step, though it is critical; its inputs are its files",
	},
	{
		choice: events.ChooseAccept, verb: events.VerbAccept,
		means: "take the undo for done, because nothing is left to take back; say with a reason why",
	},
	{
		choice: events.ChooseAbandon, verb: events.VerbAbandon,
		means: "give it up: a critical step has then failed, and the job is taken back; an undo stays as it is",
	},
	{choice: events.ChooseCancel, verb: events.VerbCancel, means: "cancel the job, and take back what it did"},
}

// Means says what a choice does, in a sentence without a full stop. It returns ""
// for what nobody can choose.
func Means(c events.DecisionChoice) string {
	switch c {
	case events.ChooseRemind:
		return "ask again later"
	case events.ChooseMoot:
		return "the job went on to its end without an answer"
	}
	if o := optionOf(c); o != nil {
		return o.means
	}
	return ""
}

// Choosing returns the command that makes a decision, but for who asks and why. ok
// is false for what nobody can choose.
func Choosing(id string, c events.DecisionChoice) (cmd events.Command, ok bool) {
	o := optionOf(c)
	if o == nil {
		return events.Command{}, false
	}
	return o.command(id), true
}

// Choices returns what may be chosen about an open decision as the job is now. It
// asks the machine, like [Allowed].
func Choices(p *Plan, j events.Job, d events.DecisionRecord) []events.DecisionChoice {
	s, _, _ := findDecision(p, j, d.ID)
	if s == nil {
		return nil
	}
	return choices(p, j, s, d)
}

func choices(p *Plan, j events.Job, s *Step, d events.DecisionRecord) (list []events.DecisionChoice) {
	a := asking{plan: p, job: j}
	for _, o := range options {
		cmd := o.command(d.ID)
		a.say(&cmd, MemberReason)
		if o.force == s.Critical || o.verb != events.VerbSkip {
			if a.takes(cmd) {
				list = append(list, o.choice)
			}
		}
	}
	return list
}

func optionOf(c events.DecisionChoice) *option {
	if i := slices.IndexFunc(options, func(o option) bool { return o.choice == c }); i >= 0 {
		return &options[i]
	}
	return nil
}

func (o *option) command(id string) events.Command {
	return events.Command{Verb: o.verb, Effect: o.effect, Force: o.force, Decision: id}
}

// choiceOf returns what a command, which need not name a decision, has chosen about
// a step that was in state st.
func choiceOf(w *word, s *Step, st events.Step) events.DecisionChoice {
	effect := events.Settlement("")
	if w.verb == events.VerbRetry && unknownEffect(st) {
		effect = w.effect
	}
	for _, o := range options {
		if o.verb == w.verb && o.effect == effect && (o.verb != events.VerbSkip || o.force == s.Critical) {
			return o.choice
		}
	}
	return events.ChooseMoot
}
