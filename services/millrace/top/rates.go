package top

import (
	"time"
)

// rateSpan is the time over which rates are taken.
const rateSpan = 30 * time.Second

// rates are how fast numbers grow that only grow.
type rates struct{ marks []marks }

// marks are the numbers at a time.
type marks struct {
	at      time.Time
	numbers map[string]uint64
}

// note takes the numbers of a snapshot.
func (r *rates) note(s *Snapshot) {
	n := make(map[string]uint64, len(s.Consumers)+2)
	for _, c := range s.Consumers {
		n["of "+c.Name] = c.Delivered
	}
	if s.Hour != nil {
		n["in"], n["out"] = uint64(s.Hour.Accepted), uint64(ended(s.Hour.Finished))
	}
	r.marks = append(r.marks, marks{s.At, n})
	for len(r.marks) > 2 && s.At.Sub(r.marks[1].at) >= rateSpan {
		r.marks = r.marks[1:]
	}
}

// of is how much a number grew a second, and false while that is unknown. A number
// that went back began anew, for example with the hour.
func (r *rates) of(name string) (float64, bool) {
	if len(r.marks) < 2 {
		return 0, false
	}
	first, last := r.marks[0], r.marks[len(r.marks)-1]
	from, hasFrom := first.numbers[name]
	to, hasTo := last.numbers[name]
	took := last.at.Sub(first.at).Seconds()
	if !hasFrom || !hasTo || to < from || took <= 0 {
		return 0, false
	}
	return float64(to-from) / took, true
}

// ended sums up the jobs that ended.
func ended(by map[string]int64) (sum int64) {
	for _, n := range by {
		sum += n
	}
	return sum
}
