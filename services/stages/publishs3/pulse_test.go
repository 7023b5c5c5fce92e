package publishs3

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// TestPulse: a request ends when nothing was sent for too long, and soon after its
// attempt; but not when another attempt has taken over, since what it may leave, an
// upload that was begun, nobody else would know.
func TestPulse(t *testing.T) {
	t.Parallel()
	const limit, after = time.Minute, 2 * time.Second
	taken := fault.New(fault.CheckpointOvertaken, "", nil)
	for name, c := range map[string]struct {
		cause error // of the end of the attempt after a second, unless nil
		after time.Duration
		want  time.Duration
		is    fault.Code
	}{
		"goes on":              {nil, after, limit, fault.S3Timeout},
		"cancelled":            {fault.New(fault.JobCancelled, "", nil), after, time.Second + after, fault.JobCancelled},
		"overtaken":            {taken, after, limit, fault.CheckpointOvertaken},
		"overtaken, and reads": {taken, 0, time.Second, fault.CheckpointOvertaken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				attempt, end := context.WithCancelCause(t.Context())
				defer end(nil)
				begun := time.Now()
				ctx, p := watch(attempt, limit, c.after)
				defer p.stop()
				if c.cause != nil {
					time.Sleep(time.Second)
					end(c.cause)
				}
				<-ctx.Done()
				if took := time.Since(begun); took != c.want || !fault.Has(context.Cause(ctx), c.is) {
					t.Errorf("ended after %v: %v", took, context.Cause(ctx))
				}
			})
		})
	}
}
