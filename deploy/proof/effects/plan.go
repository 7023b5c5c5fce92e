package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// mode is how it can be found out whether an effect was made.
type mode int

const (
	byNobody mode = iota // a person must look
	byKey                // the service honours keys
	byURL                // the service can be asked
	modes
)

func (m mode) String() string { return [...]string{"nobody can tell", "sent again", "asked"}[m] }

// point is where the first worker crashes or stalls.
type point int

const (
	beforeIntent  point = iota
	inIntent            // half of the record is written
	afterIntent         // and before the call
	beforeCount         // in the call, before the service has counted it
	afterCount          // in the call, before the answer
	beforeReceipt       // and after the answer
	inReceipt           // half of the record is written
	afterReceipt        // it is stored, and the worker does not know yet
	points
)

func (p point) String() string {
	return [...]string{
		"before the intent", "in the intent", "between intent and call", "in the call, not made yet",
		"in the call, made", "between answer and receipt", "in the receipt", "after the receipt",
	}[p]
}

// plan is what happens to one effect.
type plan struct {
	Job   string
	Mode  mode
	Point point
	// Zombie: the worker does not die but stalls, for Hold, or until another has
	// settled the effect.
	Zombie bool
	Hold   time.Duration
	// Same: the next worker has the same attempt, which was delivered again.
	Same bool
	// Real: workers are processes.
	Real bool
}

func (p plan) String() string {
	what := "crash"
	if p.Zombie {
		what = "stall"
	}
	return fmt.Sprintf("%s: %s %s, %s", p.Job, what, p.Point, p.Mode)
}

// plans are those of a run. Every combination of mode, point and zombie comes up
// about as often.
func plans(o options) []plan {
	rnd := rand.New(rand.NewPCG(o.seed, 0))
	list := make([]plan, o.n)
	for i := range list {
		m := byNobody
		if i%2 == 1 {
			m = mode(1 + rnd.IntN(int(modes)-1))
		}
		p := plan{
			Job: fmt.Sprintf("effect-%d-%d", o.seed, i), Mode: m, Point: point(rnd.IntN(int(points))),
			Zombie: rnd.IntN(2) == 0, Same: rnd.IntN(2) == 0,
		}
		// A call that is asked about must arrive while it may.
		if p.Zombie && (rnd.IntN(2) == 0 || m == byURL && p.Point == beforeCount) {
			p.Hold = 1 + time.Duration(rnd.Int64N(int64(longestHold)))
		}
		list[i] = p
	}
	for _, i := range rnd.Perm(len(list))[:min(o.kill, len(list))] {
		list[i].Real = true
	}
	return list
}

// Times of a call that is asked about, and of a stall that ends by itself.
const (
	timeLimit   = 500 * time.Millisecond
	arrives     = 2 * time.Second // after the time limit at the latest
	longestHold = 200 * time.Millisecond
)

// config is that of the step.
func (p plan) config(service, worker string) string {
	verify, limit, path := "null", "10s", "/plain"
	switch p.Mode {
	case byKey:
		verify, path = `{"idempotent":true}`, "/honest"
	case byURL:
		limit = timeLimit.String()
		verify = fmt.Sprintf(`{"url":"%s/plain/{id}","wait":"%s"}`, service, arrives)
	}
	return fmt.Sprintf(`{"url":"%s%s","headers":{"X-Worker":"%s"},"time_limit":"%s","verify":%s}`,
		service, path, worker, limit, verify)
}
