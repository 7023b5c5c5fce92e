package checkpoint

import "context"

// Repeat makes a change outside Millrace that may be made again: by the next
// attempt, when this one has failed or died in the middle, and nobody asks whether
// it was made. What it shares with [Chain.Effect] is that it is not made again once
// its receipt is there, that of two workers one makes it, and that nobody makes it
// who was overtaken, or whose step is being taken back.
//
// After an error the effect stays open in the ledger, so that an undo knows that
// something may have been done: see [Chain.Known]. One that is marked [NotDone]
// makes it absent.
//
// Faults: those of [Chain.Effect], but not effect.unknown.
func (c *Chain) Repeat(ctx context.Context, key string, do Call) (string, error) {
	e, done, err := c.effect(key)
	if err != nil {
		return "", err
	}
	defer done()
	e.repeats = true
	return e.settled(ctx, do, nil)
}
