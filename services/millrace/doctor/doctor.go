// Package doctor checks whether a machine is fit to run a mill, and says for
// everything that is wrong what to do about it.
package doctor

import (
	"context"
	"time"

	"github.com/millrace/millrace/pkg/bus"
)

// Status is how a check ended.
type Status string

// The statuses.
const (
	// OK means that nothing is to be done.
	OK Status = "ok"
	// Info means that there was nothing to check.
	Info Status = "info"
	// Warn means that the mill will run, but not well.
	Warn Status = "warn"
	// Fail means that the mill will not run.
	Fail Status = "fail"
)

// Check is one check and how it ended.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	// Hint says what to do when the status is Warn or Fail.
	Hint string `json:"hint,omitempty"`
}

// Config says what to check.
type Config struct {
	// DataDir is where the mill would keep its data. It need not exist; nothing
	// is left behind in it.
	DataDir string
	// HTTPAddr is where the mill would listen for HTTP, and NATSAddr where its
	// own broker would. An empty NATSAddr leaves that check out.
	HTTPAddr, NATSAddr string
	// Broker is an external broker. An empty URL leaves the check out. Where Creds is a
	// folder, it holds the keys of roles, and each is tried.
	Broker bus.Options
	// Server is the address of a running mill, and NoServer the reason why none
	// is known.
	Server   string
	NoServer string
	// Token is sent to the server. Empty means none.
	Token string
	// Wait bounds each check that asks over the network. Zero means 3 seconds.
	Wait time.Duration
}

// Run makes all checks, one after the other so that they do not disturb each
// other, and returns them in a fixed order.
func Run(ctx context.Context, c Config) []Check {
	if c.Wait <= 0 {
		c.Wait = 3 * time.Second
	}
	checks := []func(context.Context, Config) Check{
		checkSync, checkSpace, checkTemp, checkFiles, checkHTTP, checkNATS, checkClock, checkBroker, checkServer, checkIdentity,
	}
	out := make([]Check, 0, len(checks))
	for _, check := range checks {
		out = append(out, check(ctx, c))
	}
	return out
}

// Worst returns the worst status of checks.
func Worst(checks []Check) Status {
	rank := map[Status]int{OK: 0, Info: 0, Warn: 1, Fail: 2}
	worst := OK
	for _, c := range checks {
		if rank[c.Status] > rank[worst] {
			worst = c.Status
		}
	}
	return worst
}
