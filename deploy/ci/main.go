// Command ci runs every check of the project: formatting, vet, staticcheck, all
// tests, those of the examples, and the tests of everything concurrent under the
// race detector. It needs Go and nothing else, except a C compiler for the race
// detector.
//
//	go run ./deploy/ci              everything, as CI does
//	go run ./deploy/ci vet test     only these
//	go run ./deploy/ci -list        what there is
//
// Its last line counts: "N passed, N failed". It exits with 0 when nothing failed,
// 1 when something did, and 2 when it was asked for what it does not know.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Stdout, os.Args[1:])
	stop()
	os.Exit(code)
}

// run runs the steps that args name and returns the exit code.
func run(ctx context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("ci", flag.ContinueOnError)
	flags.SetOutput(out)
	list := flags.Bool("list", false, "list the steps and stop")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *list {
		for _, s := range steps {
			_, _ = fmt.Fprintf(out, "%-8s %s\n", s.name, s.about)
		}
		return 0
	}
	chosen, unknown := choose(flags.Args())
	if unknown != "" {
		_, _ = fmt.Fprintf(out, "ci: there is no step %q; -list shows what there is\n", unknown)
		return 2
	}
	if err := os.Chdir(root()); err != nil {
		_, _ = fmt.Fprintf(out, "ci: %v\n", err)
		return 1
	}
	var total tally
	for _, s := range chosen {
		_, _ = fmt.Fprintf(out, "\n== %s: %s\n", s.name, s.about)
		start := time.Now()
		t := s.run(ctx, out)
		_, _ = fmt.Fprintf(out, "-- %s: %s (%s)\n", s.name, t, time.Since(start).Round(time.Second/10))
		total.add(t)
	}
	_, _ = fmt.Fprintf(out, "\n%s\n", total)
	if total.failed > 0 {
		return 1
	}
	return 0
}

// choose returns the steps of these names, all of them for none, and the first
// name that is not known.
func choose(names []string) (chosen []step, unknown string) {
	for _, s := range steps {
		if len(names) == 0 || slices.Contains(names, s.name) {
			chosen = append(chosen, s)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(steps, func(s step) bool { return s.name == name }) {
			return nil, name
		}
	}
	return chosen, ""
}

// tally counts what was checked.
type tally struct{ passed, failed, skipped int }

func (t *tally) add(other tally) {
	t.passed += other.passed
	t.failed += other.failed
	t.skipped += other.skipped
}

// String is "N passed, N failed", with what was skipped, if anything was.
func (t tally) String() string {
	s := fmt.Sprintf("%d passed, %d failed", t.passed, t.failed)
	if t.skipped > 0 {
		s += fmt.Sprintf(", %d skipped", t.skipped)
	}
	return s
}
