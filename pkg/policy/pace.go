package policy

import (
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/flow"
)

// maxRate is the highest rate, per second: places are whole milliseconds.
const maxRate = 1000

// interval returns one over a rate like "2/s", in whole milliseconds, rounded up.
// No rate gives zero; ok is false for a text that is none.
func interval(rate string) (every time.Duration, ok bool) {
	if rate == "" {
		return 0, true
	}
	number, unit, _ := strings.Cut(rate, "/")
	n, err := strconv.Atoi(number)
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if err != nil || n <= 0 || per == 0 {
		return 0, false
	}
	every = (per + time.Duration(n) - 1) / time.Duration(n)
	every = (every + time.Millisecond - 1).Truncate(time.Millisecond)
	return every, per/time.Duration(n) >= time.Second/maxRate
}

// Pace gives places in time that are a fixed interval apart, each of them to one.
// It is made by [NewPace] and used by one goroutine at a time.
type Pace struct {
	every time.Duration
	// next leads from a place that is taken to a later one, and by that to the
	// first that is free.
	next map[int64]int64
	// full is how many places make it worth while to forget those that have passed.
	full int
}

// smallPace is how many places are kept without a look at which have passed.
const smallPace = 1024

// NewPace returns a pace with all places free. every is how far they are apart, at
// least a millisecond.
func NewPace(every time.Duration) *Pace {
	return &Pace{every: max(every, time.Millisecond), next: map[int64]int64{}, full: smallPace}
}

// Take takes the first free place that is neither before at nor before now. When
// there is none within a day, the answer is a day after at, and takes no place: who
// waits longer than that is better off without a rate.
func (p *Pace) Take(at, now time.Time) time.Time {
	if at.Before(now) {
		at = now
	}
	p.forget(now)
	i := p.free(p.place(at))
	t := time.Unix(0, i*int64(p.every)).UTC()
	if t.Sub(at) > flow.MaxRetryAfter {
		return at.Add(flow.MaxRetryAfter)
	}
	p.next[i] = i + 1
	return t
}

// place is the first place that is not before t.
func (p *Pace) place(t time.Time) int64 {
	n, d := t.UnixNano(), int64(p.every)
	i := n / d
	if i*d < n {
		i++
	}
	return i
}

// free returns the first free place from i on, and shortens the way to it.
func (p *Pace) free(i int64) int64 {
	end := i
	for n, taken := p.next[end]; taken; n, taken = p.next[end] {
		end = n
	}
	for i != end {
		i, p.next[i] = p.next[i], end
	}
	return end
}

// forget drops places that have passed, when there are many.
func (p *Pace) forget(now time.Time) {
	if len(p.next) < p.full {
		return
	}
	first := p.place(now)
	for i := range p.next {
		if i < first {
			delete(p.next, i)
		}
	}
	p.full = max(smallPace, 2*len(p.next))
}
