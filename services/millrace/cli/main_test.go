package cli

import (
	"context"
	"os"
	"syscall"
	"testing"

	"github.com/millrace/millrace/pkg/fault"
)

func TestFirstSignalCancelsAndSecondKills(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	signals := make(chan os.Signal)
	killed := make(chan struct{})
	go obey(ctx, signals, cancel, func() { close(killed) })
	signals <- syscall.SIGTERM
	<-ctx.Done()
	if cause := context.Cause(ctx); !fault.Has(cause, fault.CliInterrupted) || ExitOf(cause) != ExitInterrupted {
		t.Errorf("the cause is %v", cause)
	}
	select {
	case <-killed:
		t.Error("the first signal kills")
	default:
	}
	signals <- os.Interrupt
	<-killed
}

func TestObeyEndsWithTheProgram(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		obey(ctx, nil, cancel, func() { t.Error("killed without a signal") })
	}()
	cancel(nil)
	<-ended
}
