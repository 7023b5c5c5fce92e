// Command effects proves what Millrace says of effects: that a change outside is
// made at most once, or that the step says that it cannot tell.
//
//	go run ./deploy/proof/effects -n 1000 -kill 50 -seed 1
//
// It makes effects with the stage http-call@1 at a service that counts how often
// each idempotency key has had an effect. The first worker at each effect crashes
// at a random point: before its intent is recorded, while it is, after it, in the
// call before the service counts and after, before the receipt is recorded, while
// it is, and after it. Half of them are no crashes but stalls: the worker goes on
// some time later, as a zombie, while another has the task.
//
// Half of the effects cannot be verified. Of the others, one half is made at a
// service that honours keys, where the call is sent again; the other half at one
// that does not, and that can be asked whether it knows a key.
//
// Attempts are then repeated, as another delivery of the same one or as the next,
// until the effect is committed, or the outcome says effect.unknown. A person is
// simulated who looks at the service and says what is true.
//
// With -kill some of the workers are processes of their own, with a ledger in
// files, which end by SIGKILL or are stopped by SIGSTOP; the others are goroutines.
//
// It prints what it saw, and exits with status 1 when an effect was made more than
// once and no outcome said that it is unknown, when one was lost (committed and
// never made), and when one was never settled.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if text := os.Getenv(childVariable); text != "" {
		os.Exit(child(text))
	}
	var o options
	flag.IntVar(&o.n, "n", 1000, "how many effects are made")
	flag.IntVar(&o.kill, "kill", 50, "how many of them by processes that are killed or stopped")
	flag.Uint64Var(&o.seed, "seed", 1, "chooses where workers crash")
	flag.IntVar(&o.workers, "workers", 16, "how many effects are made at once")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f, err := prove(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "effects:", err)
		os.Exit(1)
	}
	f.print(os.Stdout)
	if len(f.violations) > 0 {
		os.Exit(1)
	}
}
