package pipeline

import "time"

// limits are the limits on the time of a step, besides that of an attempt.
type limits struct{ stall, queue, total time.Duration }

// limits reads the limits of a step.
func (s *section) limits(timeout time.Duration) (l limits) {
	n := s.optional("limits")
	if n == nil {
		return l
	}
	inner := s.section(n, s.label("limits"), "stall", "queue", "total")
	if inner == nil {
		return l
	}
	l.stall, l.queue, l.total = inner.duration("stall"), inner.duration("queue"), inner.duration("total")
	inner.within("stall", l.stall, "timeout", timeout)
	if l.total > 0 && timeout > l.total {
		s.complain(ruleLimits, s.node.keyAt("timeout"), "raise limits.total or lower timeout",
			"%s, %s, is longer than the total of the step, %s", s.label("timeout"), timeout, l.total)
	}
	inner.within("queue", l.queue, "total", l.total)
	return l
}

// deadline reads how long a job may take. No step may take longer.
func (s *section) deadline(steps []*step) time.Duration {
	d := s.duration("deadline")
	for _, one := range steps {
		if inner := one.section.optional("limits"); inner != nil && inner.kind == kindObject {
			fields := &section{report: s.report, what: one.section.label("limits"), node: inner}
			fields.within("total", one.limits.total, "the deadline of the job", d)
		}
	}
	return d
}

// within complains about a limit that another makes pointless. Zero means that
// there is none.
func (s *section) within(name string, d time.Duration, outer string, most time.Duration) {
	if d > 0 && most > 0 && d > most {
		s.complain(ruleLimits, s.node.keyAt(name), "lower "+name,
			"%s, %s, is longer than %s, %s", s.label(name), d, outer, most)
	}
}
