package flow

import "time"

// Retry says how often and after what delay a failed attempt is tried again.
// Each zero field means that of [DefaultRetry].
type Retry struct {
	// MaxAttempts is how many failed tries the budget holds; 1 means that the
	// first failure is the last.
	MaxAttempts int
	// Initial is the longest delay after the first failure, and Max the longest
	// after any. Delays are drawn evenly between zero and the longest.
	Initial, Max time.Duration
	// Factor is what the longest delay grows by with each failure, at least 1.
	Factor float64
}

// DefaultRetry is the policy of a step that states none.
var DefaultRetry = Retry{MaxAttempts: 5, Initial: time.Second, Max: 5 * time.Minute, Factor: 2}
