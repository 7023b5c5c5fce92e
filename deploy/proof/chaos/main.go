// Command chaos proves that nothing is lost and nothing gets stuck when everything
// goes wrong at once: jobs run on a mill whose processes are killed with -9, and
// whose dependencies, the broker among them, are behind proxies that delay, swallow,
// reset and cut what goes through, and are down for a while.
//
//	go run ./deploy/proof/chaos [-jobs 10000] [-kills 100] [-faults 600] [-seed N] [-v]
//
// The mill is a broker, a front door, two conductors and three workers, each a
// process of its own. Files come from an HTTP server and go into a folder and into a
// real S3 server; calls go to a service that honours idempotency keys, and to one
// that does not, which counts. Pipelines are straight ones, one with a step that may
// fail, and ones that fail late and are compensated; some jobs are cancelled, and some
// have a large file, which takes checkpoints and an upload in parts. What
// happens to whom, and when, follows from the seed.
//
// A person is simulated: where an effect is unknown, the job waits in attention until
// the person has looked at the counting service and says what is true.
//
// It prints what it saw, and exits with status 1 when a promise is broken: when the
// final states do not add up to what was accepted; when a job is lost or stuck; when
// a history has a gap or does not replay to its state; when a step tried more often
// than its policy says; when work is left in a queue; when an effect was made more
// than once and nobody said that it is unknown; when the world is not as a job's
// state says it is.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/millrace/millrace/deploy/proof/rig"
)

// options of a run.
type options struct {
	jobs, kills, faults, window int
	seed                        uint64
	open                        time.Duration
	durability, keep            string
	verbose                     bool
}

func main() {
	rig.Main()
	var o options
	flag.IntVar(&o.jobs, "jobs", 10_000, "how many jobs are submitted")
	flag.IntVar(&o.kills, "kills", -1, "how many processes are killed; -1 is 100, or fewer with few jobs")
	flag.IntVar(&o.faults, "faults", -1, "how often a dependency goes wrong; -1 is six times the kills")
	flag.IntVar(&o.window, "window", 0, "how many jobs are alive at once; 0 is 200, or fewer with few jobs")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of all that happens")
	flag.DurationVar(&o.open, "open", 3*time.Second, "how long circuits stay open")
	flag.StringVar(&o.durability, "durability", "always", "of the broker and the store: always or relaxed")
	flag.StringVar(&o.keep, "keep", "", "a folder for the data and the logs, which stay; empty is one that goes")
	flag.BoolVar(&o.verbose, "v", false, "say what happens as it happens")
	flag.Parse()
	o = o.withDefaults()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f, err := prove(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
	f.print(os.Stdout)
	if len(f.violations) > 0 {
		os.Exit(1)
	}
}

// withDefaults fills in what depends on how many jobs there are.
func (o options) withDefaults() options {
	if o.kills < 0 {
		o.kills = min(100, 2+o.jobs/50)
	}
	if o.faults < 0 {
		o.faults = 6 * o.kills
	}
	if o.window <= 0 {
		o.window = min(200, 5+o.jobs/10)
	}
	return o
}
