package stage

import (
	"context"

	"github.com/millrace/millrace/pkg/checkpoint"
)

// Resume begins the work of the attempt at the place that an earlier attempt has
// saved last, if there is one; see [checkpoint.Chain.Resume]. A stage whose work
// can take long calls it once, before anything else:
//
//	var at struct{ File int; Read int64 }
//	run, err := t.Resume(ctx, 1, &at)
func (t *Task) Resume(ctx context.Context, version int, state any) (*checkpoint.Run, error) {
	return t.chain().Resume(ctx, version, state)
}

// Effect makes a change outside Millrace at most once, or says with the fault
// effect.unknown that it cannot tell; see [checkpoint.Chain.Effect]. Without a
// verify, which may be nil, a crash between the call and the receipt is for a
// person to settle.
func (t *Task) Effect(
	ctx context.Context, key string, do checkpoint.Call, verify checkpoint.Verify,
) (receipt string, err error) {
	return t.chain().Effect(ctx, key, do, verify)
}

// Repeat makes a change outside Millrace that may be made again when an attempt
// fails or dies in the middle; see [checkpoint.Chain.Repeat].
func (t *Task) Repeat(ctx context.Context, key string, do checkpoint.Call) (receipt string, err error) {
	return t.chain().Repeat(ctx, key, do)
}

// chain is the one that the task came with, or one that keeps nothing.
func (t *Task) chain() *checkpoint.Chain {
	if t.Checkpoints != nil {
		return t.Checkpoints
	}
	return checkpoint.New(checkpoint.Options{
		Store: t.Store, Key: checkpoint.Key{Tenant: t.Tenant, Job: t.Job, Step: t.Step}, Attempt: t.Attempt,
	})
}
