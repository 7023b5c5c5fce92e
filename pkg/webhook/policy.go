package webhook

import (
	"math/bits"
	"net/http"
	"strconv"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// Policy says how long and how often an event is sent. The zero value is the default.
type Policy struct {
	// Initial bounds the wait after the first failed attempt, and Max that after any.
	// Zero means 5 seconds and an hour.
	Initial, Max time.Duration
	// GiveUp is how long after its first attempt an event is given up. Zero means 3
	// days.
	GiveUp time.Duration
	// Disable is how long an endpoint may fail without one success. Zero means 5
	// days.
	Disable time.Duration
	// Sick is after how many failures in a row an endpoint is asked with one event at
	// a time, more and more rarely. Zero means 5.
	Sick int
}

// WithDefaults fills in what is zero.
func (p Policy) WithDefaults() Policy {
	for _, d := range []struct {
		value *time.Duration
		zero  time.Duration
	}{
		{&p.Initial, 5 * time.Second},
		{&p.Max, time.Hour},
		{&p.GiveUp, 72 * time.Hour},
		{&p.Disable, 120 * time.Hour},
	} {
		if *d.value <= 0 {
			*d.value = d.zero
		}
	}
	if p.Sick <= 0 {
		p.Sick = 5
	}
	return p
}

// Wait is how long to wait after the n-th failure in a row: a random part of a bound
// that doubles with each, but not less than the other side asked for. entropy is a
// random number.
func (p Policy) Wait(n int, asked time.Duration, entropy uint64) time.Duration {
	bound := p.Initial
	for i := 1; i < n && bound < p.Max; i++ {
		bound *= 2
	}
	bound = min(bound, p.Max)
	part, _ := bits.Mul64(entropy, uint64(bound)) // entropy / 2^64 of the bound
	return max(time.Duration(part), asked)
}

// Over reports whether an event is given up whose first attempt was made then.
func (p Policy) Over(first, now time.Time) bool { return now.Sub(first) >= p.GiveUp }

// Judge says what the status of an answer means: nil that the event was taken. wait is
// what Retry-After asks for. Faults: webhook.gone, webhook.rate_limited,
// webhook.unavailable and webhook.refused.
func Judge(status int, wait time.Duration) error {
	if status >= 200 && status <= 299 {
		return nil
	}
	f := fault.New(fault.WebhookRefused, "it answered "+strconv.Itoa(status), nil)
	f.RetryAfter = wait
	switch status {
	case http.StatusGone:
		f.Code = fault.WebhookGone
	case http.StatusTooManyRequests:
		f.Code = fault.WebhookRateLimited
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		f.Code = fault.WebhookUnavailable
	}
	return f
}
