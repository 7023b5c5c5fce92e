package operator

import "time"

// pace says how many items may be begun: a tenth of the rate at first, twice as many
// after each period in which all went well, half as many after one in which it did
// not. It is used by one goroutine.
type pace struct {
	rate   float64
	now    float64
	period time.Duration

	tokens float64
	at     time.Time // until when tokens have been given out
	ramped time.Time
	begun  int
	failed int
}

// slow is the part of the rate with which an operation starts.
const slow = 10

func newPace(rate float64, period time.Duration, now time.Time) *pace {
	return &pace{rate: rate, now: rate / slow, period: period, tokens: 1, at: now, ramped: now}
}

// take returns how many items may be begun now, at most most.
func (p *pace) take(now time.Time, most int) int {
	p.ramp(now)
	p.tokens += p.now * now.Sub(p.at).Seconds()
	p.at = now
	// What was not used for a while is not made up for in a burst.
	p.tokens = min(p.tokens, max(1, p.now/4))
	n := max(min(int(p.tokens), most), 0)
	p.tokens -= float64(n)
	p.begun += n
	return n
}

// failure notes that an item has failed.
func (p *pace) failure() { p.failed++ }

func (p *pace) ramp(now time.Time) {
	if now.Sub(p.ramped) < p.period {
		return
	}
	switch {
	case p.failed > 0:
		p.now = max(p.now/2, p.rate/slow)
	case p.begun > 0:
		p.now = min(p.now*2, p.rate)
	}
	p.ramped, p.begun, p.failed = now, 0, 0
}

// Settings of the window of failures.
const (
	windowSize  = 50
	windowLeast = 5
)

// window holds how the last items ended. It is used by one goroutine.
type window struct {
	ring   [windowSize]bool
	n      int
	failed int
}

// add notes how an item ended.
func (w *window) add(failed bool) {
	at := w.n % windowSize
	if w.n >= windowSize && w.ring[at] {
		w.failed--
	}
	w.ring[at] = failed
	if failed {
		w.failed++
	}
	w.n++
}

// over reports whether more than a share of the items failed.
func (w *window) over(percent int) bool {
	n := min(w.n, windowSize)
	return percent < 100 && n >= windowLeast && w.failed*100 > percent*n
}
