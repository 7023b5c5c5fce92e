package flow

import (
	"math/bits"
	"time"

	"github.com/millrace/millrace/events"
)

// Retry says how often and after what delay a failed attempt is tried again.
// Each zero field means that of [DefaultRetry].
type Retry struct {
	// MaxAttempts is how many failed tries the budget holds; 1 means that the
	// first failure is the last.
	MaxAttempts int
	// Initial is the longest delay after the first failure, and Max the longest
	// after any. Delays are drawn evenly between zero and the longest, so that
	// those who failed together do not come back together.
	Initial, Max time.Duration
	// Factor is what the longest delay grows by with each failure. Less than 1
	// means 1.
	Factor float64
}

// DefaultRetry is the policy of a step that states none. It is a constant: the
// replay of a job uses it, so it never changes.
var DefaultRetry = Retry{
	MaxAttempts: defaultAttempts,
	Initial:     defaultInitial,
	Max:         defaultMax,
	Factor:      defaultFactor,
}

const (
	defaultAttempts = 5
	defaultInitial  = time.Second
	defaultMax      = 5 * time.Minute
	defaultFactor   = 2.0
)

// MaxRetryAfter is the longest wait that a fault can ask for. A peer that names
// a longer one is asked again after this time.
const MaxRetryAfter = 24 * time.Hour

func (r Retry) withDefaults() Retry {
	if r.MaxAttempts <= 0 {
		r.MaxAttempts = defaultAttempts
	}
	if r.Initial <= 0 {
		r.Initial = defaultInitial
	}
	if r.Max <= 0 {
		r.Max = defaultMax
	}
	if r.Factor == 0 {
		r.Factor = defaultFactor
	}
	return r
}

// ceiling returns the longest delay after failure n, counted from 1. It only
// multiplies, so that every processor gives the same result.
func (r Retry) ceiling(n int) time.Duration {
	r = r.withDefaults()
	d := float64(r.Initial)
	grows := r.Factor > 1 // false for what is not a number, too
	for range n - 1 {
		if !grows || d >= float64(r.Max) {
			break
		}
		d *= r.Factor
	}
	if d >= float64(r.Max) {
		return r.Max
	}
	return time.Duration(d)
}

// retryAt returns when the next attempt is due: at the place that a ruling gives
// it, if one does. A fault that names a wait gets it, and up to a tenth more; any
// other waits by full-jitter exponential backoff, counted in failures of the
// budget, or in attempts when those are free.
func (c *change) retryAt(r Retry, attempt, spent int, burns bool, f *events.Fault) time.Time {
	if at, ok := c.given(); ok {
		return at
	}
	if f.RetryAfterMS > 0 {
		after := span(f.RetryAfterMS)
		return c.later(after + fraction(c.entropy, after/10))
	}
	n := attempt
	if burns {
		n = spent
	}
	return c.later(fraction(c.entropy, r.ceiling(n)))
}

// later returns the time d after now, in whole milliseconds.
func (c *change) later(d time.Duration) time.Time {
	return c.now.Add(d.Truncate(time.Millisecond))
}

// fraction returns a part of d that entropy picks, from 0 to just below d.
func fraction(entropy uint64, d time.Duration) time.Duration {
	hi, _ := bits.Mul64(splitmix(entropy), uint64(d))
	return time.Duration(hi)
}

// splitmix is one step of the SplitMix64 generator: it spreads any number, even
// a small one, over all 64 bits.
func splitmix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}
