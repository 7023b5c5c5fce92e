package flow

import (
	"time"

	"github.com/millrace/millrace/events"
)

// Attention says how long a person has to decide about a step in attention, or
// about its undo, and what is done when nobody has. Each zero field means that of
// [DefaultAttention].
type Attention struct {
	// Due is how long a person has. With every due time that passes it doubles, up
	// to [MaxAttention], until a person decides.
	Due time.Duration
	// Default is what is done when the time is over: [events.ChooseRemind] asks
	// again; retry, skip, accept, abandon and cancel are chosen in place of a
	// person, with the reason that the time was over. Where it cannot be done (skip
	// of an undo, accept of a step, anything while the job is paused) the decision
	// is asked again instead.
	Default events.DecisionChoice
}

// DefaultAttention is that of a step that states none. It is a constant: the
// replay of a job uses it, so it never changes.
var DefaultAttention = Attention{Due: defaultDue, Default: events.ChooseRemind}

const defaultDue = 72 * time.Hour

// MaxAttention is the longest that a decision waits before it is asked again.
const MaxAttention = 7 * 24 * time.Hour

// AttentionDefaults returns what [Attention.Default] may be, in the order in which
// it is told.
func AttentionDefaults() []events.DecisionChoice {
	return []events.DecisionChoice{
		events.ChooseRemind, events.ChooseRetry, events.ChooseSkip, events.ChooseAccept, events.ChooseAbandon,
		events.ChooseCancel,
	}
}

func (a Attention) withDefaults() Attention {
	if a.Due <= 0 {
		a.Due = defaultDue
	}
	if a.Default == "" {
		a.Default = events.ChooseRemind
	}
	return a
}

// wait returns how long a person has after so many due times have passed.
func (a Attention) wait(overdue int) time.Duration {
	d := a.Due
	for range overdue {
		if d >= MaxAttention {
			break
		}
		d *= 2
	}
	return min(d, max(MaxAttention, a.Due))
}
