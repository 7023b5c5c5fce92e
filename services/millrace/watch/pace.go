package watch

import "time"

// paceSpan is the time over which a rate is taken.
const paceSpan = 10 * time.Second

// pace measures how fast something goes on.
type pace struct{ marks []reached }

// reached is how much was done at a time.
type reached struct {
	at   time.Time
	done int64
}

// note takes how much is done at a time. What goes back begins anew.
func (p *pace) note(at time.Time, done int64) {
	if n := len(p.marks); n > 0 && (done < p.marks[n-1].done || at.Before(p.marks[n-1].at)) {
		p.marks = nil
	}
	p.marks = append(p.marks, reached{at, done})
	for len(p.marks) > 2 && at.Sub(p.marks[1].at) >= paceSpan {
		p.marks = p.marks[1:]
	}
}

// rate is how much was done a second, and 0 while that is unknown.
func (p *pace) rate() float64 {
	if len(p.marks) < 2 {
		return 0
	}
	first, last := p.marks[0], p.marks[len(p.marks)-1]
	took := last.at.Sub(first.at).Seconds()
	if took <= 0 {
		return 0
	}
	return float64(last.done-first.done) / took
}

// Left is how long the step takes from here at its rate, and 0 while that is unknown.
func (s Step) Left() time.Duration {
	if s.Rate <= 0 || s.Total <= s.Done {
		return 0
	}
	return time.Duration(float64(s.Total-s.Done) / s.Rate * float64(time.Second))
}
