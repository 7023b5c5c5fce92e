package pipeline

import (
	"slices"
	"strings"
)

// pivots complains about steps that do what cannot be taken back while another can
// still fail and have the job taken back. Everything critical must have succeeded
// by then: be upstream. What is not critical may fail later; the job goes on
// without it.
func (c *checker) pivots(steps []*step) {
	if c.cyclic {
		return
	}
	for _, s := range steps {
		if !s.irreversible {
			continue
		}
		var open []*step
		var labels []string
		for _, other := range steps {
			if other != s && other.critical && !slices.Contains(s.upstream, other) {
				open, labels = append(open, other), append(labels, other.label())
			}
		}
		if len(open) > 0 {
			c.complain(rulePivot, s.section.node.keyAt("irreversible"), s.pivotHint(open[0]),
				"%s cannot be taken back, and %s can still fail when it has been done", s.section.what,
				strings.Join(labels, ", "))
		}
	}
}

// label names a step in messages.
func (s *step) label() string {
	if s.id == "" {
		return "another step"
	}
	return s.id
}

// pivotHint says how a step comes behind one that can still fail.
func (s *step) pivotHint(open *step) string {
	how := "let " + s.label() + " need " + open.label()
	if slices.Contains(open.upstream, s) {
		how = "put " + s.label() + " behind " + open.label()
	}
	return how + ", or make " + open.label() + " critical: false"
}
