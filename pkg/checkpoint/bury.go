package checkpoint

import (
	"context"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Bury closes the chain of a step before it is taken back, unless it is closed: a
// tombstone. Whatever an attempt at the step would save or do outside from here on
// is refused with job.cancelled, however late it comes, also when none has come
// before. Effects whose call is on its way are open in the ledger by then; they are
// for the undo to settle. Effects of the undo itself are not refused.
//
// left says that an attempt has left a checkpoint. Bury may be called again, and by
// several workers. Faults: internal.bug unless the attempt is an undo,
// checkpoint.overtaken when the chain does not come to rest, and those of the log.
func (c *Chain) Bury(ctx context.Context) (left bool, _ error) {
	switch err := c.failed(); {
	case err != nil:
		return false, err
	case !c.o.Undo:
		return false, fault.New(fault.InternalBug, "only an undo ends the chain of its step", nil)
	case c.o.Log == nil:
		return false, nil
	}
	stone := Closing(c.o.Key, c.o.Stage, c.o.Attempt, c.o.Now())
	for range claimTries {
		last, err := c.o.Log.Last(ctx, c.o.Key)
		if err != nil && !fault.Has(err, fault.CheckpointNone) {
			return left, answer(ctx, err)
		}
		left = left || err == nil
		if rec, bad := decode(c.o.Key, last.Data); bad == nil && rec.Kind == events.CheckpointClosed {
			return left, nil
		}
		_, err = c.o.Log.Append(ctx, c.o.Key, last.Position, stone)
		if !fault.Has(err, fault.CheckpointOvertaken) {
			if err != nil {
				err = answer(ctx, err)
			}
			return left, err
		}
	}
	return left, fault.New(fault.CheckpointOvertaken, "step "+c.o.Key.Step, nil)
}
