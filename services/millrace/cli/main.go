package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/term"
	"github.com/millrace/millrace/services/millrace/term/quiet"
)

// Main runs the command line of this process and returns its exit code. The
// first SIGINT or SIGTERM ends the work in good order; the second one ends the
// process at once, with code 130.
func Main() int {
	quiet.Restore()
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: error: read the working directory: %v\n", term.Name, err)
		return ExitTryLater
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go obey(ctx, signals, cancel, die)

	p := &Program{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Dir: dir}
	return p.Run(ctx, os.Args[1:])
}

// obey waits for signals: the first one cancels, the second one kills. It returns
// when ctx ends otherwise than by a signal.
func obey(ctx context.Context, signals <-chan os.Signal, cancel context.CancelCauseFunc, kill func()) {
	select {
	case s := <-signals:
		cancel(fault.New(fault.CliInterrupted, s.String(), nil))
	case <-ctx.Done():
		return
	}
	<-signals
	kill()
}

// die ends the process at once and leaves a usable terminal behind.
func die() {
	term.Die()
	if term.IsTerminal(os.Stderr) {
		term.ShowCursor(os.Stderr)
	}
	os.Exit(ExitInterrupted)
}
