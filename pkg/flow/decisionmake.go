package flow

import (
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// DecisionPlace is where an id of a decision leads.
type DecisionPlace struct {
	Job, Step string
	// Undo is true when it is about the step's undo.
	Undo bool
	// Number counts the decisions of that place from 1.
	Number int
}

// ParseDecisionID takes the id of a decision apart. ok is false for what is none.
func ParseDecisionID(id string) (at DecisionPlace, ok bool) {
	parts := strings.Split(id, ".")
	if len(parts) < 2 || !events.ValidToken(parts[0]) || !events.ValidToken(parts[1]) {
		return at, false
	}
	at = DecisionPlace{Job: parts[0], Step: parts[1], Number: 1}
	rest := parts[2:]
	if len(rest) > 0 && rest[0] == "undo" {
		at.Undo, rest = true, rest[1:]
	}
	if len(rest) > 0 {
		n, err := strconv.Atoi(rest[0])
		if err != nil || n < 2 {
			return DecisionPlace{}, false
		}
		at.Number = n
	}
	// No other spelling of the same id, and nothing behind it.
	return at, DecisionID(at.Job, at.Step, at.Undo, at.Number) == id
}

// DecisionOf returns the decision with that id as it is in the state of a job: one
// that is open, or the one made last at its place. Faults: decision.not_found;
// decision.made, with a nil record, when the same place has asked again since.
func DecisionOf(j events.Job, id string) (*events.DecisionRecord, error) {
	at, ok := ParseDecisionID(id)
	if !ok || at.Job != j.ID {
		return nil, fault.New(fault.DecisionNotFound, fault.Clip(id, 200), nil)
	}
	d := decisionAt(j.Steps[at.Step], at.Undo)
	switch {
	case d == nil || d.Number < at.Number:
		return nil, fault.New(fault.DecisionNotFound, id, nil)
	case d.Number > at.Number:
		return nil, fault.New(fault.DecisionMade, id+" was made; "+d.ID+" is newer", nil)
	}
	return d, nil
}

// OpenDecisions returns the decisions of a job that are open, in plan order.
func OpenDecisions(p *Plan, j events.Job) (list []events.DecisionRecord) {
	for i := range p.Steps {
		for _, undo := range [...]bool{false, true} {
			if d := openAt(j.Steps[p.Steps[i].ID], undo); d != nil {
				list = append(list, *d)
			}
		}
	}
	return list
}

// MadeText says who made a decision, what, when and why.
func MadeText(m events.DecisionMade) string {
	text := string(m.Choice) + " at " + clock(m.At)
	if m.By != "" {
		text += " by " + m.By
	}
	return because(text, m.Reason)
}

// findDecision returns the place of a decision that is open. Faults:
// decision.not_found, decision.made.
func findDecision(p *Plan, j events.Job, id string) (s *Step, undo bool, err error) {
	d, err := DecisionOf(j, id)
	if err != nil {
		return nil, false, err
	}
	if d.Made != nil {
		return nil, false, fault.New(fault.DecisionMade, id+": "+MadeText(*d.Made), nil)
	}
	at, _ := ParseDecisionID(id)
	return p.find(at.Step), at.Undo, nil
}

// decisionMade carries out a command that settles a decision: it is then about that
// step, or undo, alone.
func decisionMade(p *Plan, j events.Job, cmd *events.Command, env Env) (*change, error) {
	s, undo, err := findDecision(p, j, cmd.Decision)
	if err != nil {
		return nil, err
	}
	switch cmd.Verb {
	case events.VerbRetry, events.VerbSkip, events.VerbAccept, events.VerbAbandon, events.VerbCancel:
	default:
		return nil, notAllowed(j, cmd, "no decision can be to "+string(cmd.Verb))
	}
	order := *cmd
	order.Step = s.ID
	c, err := orders[cmd.Verb](p, j, &order, env)
	switch {
	case err != nil || c == nil:
		return c, err
	case asks(c.job.Steps[s.ID], undo) && !Final(c.job.State):
		return nil, notAllowed(j, cmd, "what step "+s.ID+" needs a person for would stay: decide about that")
	}
	attempt := j.Steps[s.ID].Attempt
	if undo {
		attempt = j.Steps[s.ID].Undo.Attempt
	}
	c.cause(TypeDecisionMade, s.ID, attempt, false)
	return c, nil
}
