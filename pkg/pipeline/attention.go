package pipeline

import (
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// attention is what a mapping says of decisions, and where it says the default.
type attention struct {
	flow.Attention
	at position
}

// attention reads how long a person has to decide, and what is done then. What is
// not said is as in outer.
func (s *section) attention(outer attention) attention {
	a := outer
	n := s.optional("attention")
	if n == nil {
		return a
	}
	inner := s.section(n, s.label("attention"), "due", "default")
	if inner == nil {
		return a
	}
	if due := inner.duration("due"); due > 0 {
		a.Due = due
	}
	choice := inner.optional("default")
	if text, ok := inner.text(choice, "default", 64); ok {
		a.Default, a.at = inner.defaultChoice(choice, text), choice.at
	}
	return a
}

// defaultChoice reads the word for a default, "" when there is none of that name.
func (s *section) defaultChoice(n *node, text string) events.DecisionChoice {
	c := events.DecisionChoice(text)
	if slices.Contains(flow.AttentionDefaults(), c) {
		return c
	}
	var words []string
	for _, known := range flow.AttentionDefaults() {
		words = append(words, string(known))
	}
	hint := didYouMean(text, words)
	if hint == "" {
		hint = "it is " + oneOf(words)
	}
	s.complain(ruleAttention, n.at, hint, "there is no default %s", quote(text))
	return ""
}

// attentions complains about defaults that could never be taken: a critical step is
// not skipped without a person's word, and only an undo can be accepted.
func (c *checker) attentions(steps []*step) {
	for _, s := range steps {
		switch {
		case s.attention.Default == events.ChooseSkip && s.critical:
			c.complain(ruleAttention, s.attention.at,
				"make "+s.label()+" critical: false, or give it attention with another default",
				"%s is critical, so that only a person can skip it", s.section.what)
		case s.attention.Default == events.ChooseAccept && s.stage != nil && !s.undoable():
			c.complain(ruleAttention, s.attention.at, "choose another default for "+s.label(),
				"%s has no undo that could be accepted", s.section.what)
		}
	}
}

// undoable reports whether what the step does is taken back. What the file says
// cannot be is left alone, though the stage has an undo: http-call has one, and no
// call takes a letter back.
func (s *step) undoable() bool {
	return s.stage != nil && s.stage.Compensable && !s.irreversible && s.declaresUndo()
}
