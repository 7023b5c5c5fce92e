package pipeline

import (
	"strconv"

	"github.com/millrace/millrace/pkg/flow"
)

// Bounds of a retry policy.
const (
	maxAttempts = 1000
	maxFactor   = 100
)

// retry reads the retry policy of a step.
func (s *section) retry() flow.Retry {
	n := s.optional("retry")
	if n == nil {
		return flow.Retry{}
	}
	inner := s.section(n, s.label("retry"), "maxAttempts", "initial", "max", "factor")
	if inner == nil {
		return flow.Retry{}
	}
	var r flow.Retry
	r.MaxAttempts, _ = inner.whole(inner.optional("maxAttempts"), "maxAttempts", 1, maxAttempts)
	r.Initial = inner.duration("initial")
	r.Max = inner.duration("max")
	r.Factor = inner.factor()
	initial, longest := r.Initial, r.Max
	if initial == 0 {
		initial = flow.DefaultRetry.Initial
	}
	if longest == 0 {
		longest = flow.DefaultRetry.Max
	}
	if initial > longest && (r.Initial != 0 || r.Max != 0) {
		at := inner.node.keyAt("initial")
		if r.Initial == 0 {
			at = inner.node.keyAt("max")
		}
		s.complain(ruleRetry, at, "raise max or lower initial",
			"the first delay, %s, is longer than the longest, %s", initial, longest)
	}
	return r
}

func (s *section) factor() float64 {
	n := s.optional("factor")
	if n == nil || !s.is(n, "factor", kindNumber) {
		return 0
	}
	f, err := strconv.ParseFloat(n.text, 64)
	if err != nil || f < 1 || f > maxFactor {
		s.complain(ruleBounds, n.at, "", "%s is from 1 to %d, not %s", s.label("factor"), maxFactor,
			n.raw)
		return 0
	}
	return f
}
