package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/millrace/millrace/deploy/proof/faultproxy"
)

// plan is all that happens in a run. It follows from the options alone.
type plan struct {
	jobs []order
	acts []act
}

// order is one job.
type order struct {
	line *line
	// cancel: somebody cancels it, that long after it was accepted.
	cancel bool
	after  time.Duration
}

// act is something that goes wrong: a process is killed, or a proxy makes trouble.
type act struct {
	// at is how many jobs have been submitted when it happens.
	at int
	// victim is the process or the proxy.
	victim string
	// kill: the process is killed, and started again when some time has passed.
	kill  bool
	fault faultproxy.Fault
	lasts time.Duration
}

func (a act) String() string {
	what := a.fault.String()
	if a.kill {
		what = "kill -9"
	}
	return fmt.Sprintf("job %d: %s, %s for %v", a.at, a.victim, what, a.lasts)
}

// newPlan makes the plan of a run with these processes and dependencies; links are
// the processes that reach the broker through a proxy.
func newPlan(o options, processes, dependencies, links []string) plan {
	r := rand.New(rand.NewPCG(o.seed, 4))
	millis := func(least, most int) time.Duration {
		return time.Duration(least+r.IntN(most-least)) * time.Millisecond
	}
	var p plan
	for range o.jobs {
		one := order{line: lines[r.IntN(len(lines))], cancel: r.IntN(40) == 0, after: millis(0, 1500)}
		p.jobs = append(p.jobs, one)
	}
	for i := range o.kills {
		// Everyone's turn comes, in an order of its own.
		if i%len(processes) == 0 {
			r.Shuffle(len(processes), func(a, b int) { processes[a], processes[b] = processes[b], processes[a] })
		}
		p.acts = append(p.acts, act{at: r.IntN(o.jobs), victim: processes[i%len(processes)], kill: true, lasts: millis(0, 800)})
	}
	kinds := faultproxy.Kinds()
	for range o.faults {
		a := act{at: r.IntN(o.jobs), lasts: millis(300, 2500)}
		a.fault.Kind = kinds[r.IntN(len(kinds))]
		switch a.fault.Kind {
		case faultproxy.Latency, faultproxy.SlowClose:
			a.fault.Amount = 50 + r.IntN(1000)
		case faultproxy.Truncate:
			a.fault.Amount = r.IntN(2000)
		}
		if a.victim = dependencies[r.IntN(len(dependencies))]; r.IntN(4) == 0 {
			a.victim = links[r.IntN(len(links))]
			if a.fault.Kind == faultproxy.BlackHole {
				a.lasts += partition
			}
		}
		p.acts = append(p.acts, a)
	}
	slices.SortStableFunc(p.acts, func(a, b act) int { return a.at - b.at })
	return p
}

// partition is longer than the broker waits for a worker.
const partition = 3 * time.Second

// digest stands for the plan.
func (p plan) digest() string {
	h := sha256.New()
	for _, o := range p.jobs {
		fmt.Fprintln(h, o.line.name, o.cancel, o.after)
	}
	for _, a := range p.acts {
		fmt.Fprintln(h, a)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
