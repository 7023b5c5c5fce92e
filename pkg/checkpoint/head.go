package checkpoint

import (
	"context"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// writeTries bounds how often a record is linked anew because one before it, of
// the same attempt, turned out to be stored.
const writeTries = 5

// head is where a chain ends.
type head struct {
	// position is that of the newest record, 0 when there is none.
	position uint64
	sequence uint64
	digest   string
	saves    int
	// own says that this attempt wrote it.
	own bool
}

// write stores a record behind the newest one. Its sequence, its link and, for a
// save, its number are filled in.
//
// Faults: checkpoint.overtaken, checkpoint.unexpected and job.cancelled, with
// which every further call of the chain fails; checkpoint.too_large; and those
// of the log, after which it is open whether the record was stored.
func (c *Chain) write(ctx context.Context, r events.Checkpoint) (uint64, error) {
	if err := c.settle(ctx); err != nil {
		return 0, err
	}
	for try := 1; ; try++ {
		at, err := c.append(ctx, r)
		if !fault.Has(err, fault.CheckpointOvertaken) || c.failed() != nil {
			return at, err
		}
		if err := c.look(ctx); err != nil {
			return 0, err
		}
		if try == writeTries {
			return 0, c.fail(err) // refused for no reason that can be seen
		}
	}
}

// append stores a record behind the newest one that is known. The fault is
// checkpoint.overtaken when that is not the newest.
func (c *Chain) append(ctx context.Context, r events.Checkpoint) (uint64, error) {
	data, next, err := c.link(r)
	if err != nil {
		return 0, err
	}
	at, err := c.o.Log.Append(ctx, c.o.Key, next.position, data)
	if err != nil {
		return 0, answer(ctx, err)
	}
	next.position = at
	c.adopt(next)
	return at, nil
}

// link encodes a record as the next one, to be stored behind the position that
// is returned. From here on its fate is open.
func (c *Chain) link(r events.Checkpoint) (data []byte, next head, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, next, c.err
	}
	r.Sequence, r.Previous = c.head.sequence+1, c.head.digest
	if r.Kind == events.CheckpointSave {
		r.Saves = c.head.saves + 1
	}
	if data, err = encode(r); err != nil {
		return nil, next, err
	}
	next = head{position: c.head.position, sequence: r.Sequence, digest: digest(data), saves: r.Saves, own: true}
	c.open[next.digest] = next
	return data, next, nil
}

// adopt makes h the newest record. Others whose fate was open cannot be stored
// any more: they were to follow one that is not the newest now.
func (c *Chain) adopt(h head) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.position > c.head.position {
		c.head = h
		clear(c.open)
	}
}

// settle finds out where the chain ends when the fate of a record is open.
func (c *Chain) settle(ctx context.Context) error {
	c.mu.Lock()
	known := len(c.open) == 0
	err := c.err
	c.mu.Unlock()
	if err != nil || known {
		return err
	}
	return c.look(ctx)
}

// look reads the newest record and fails when somebody else has written it.
func (c *Chain) look(ctx context.Context) error {
	e, err := c.o.Log.Last(ctx, c.o.Key)
	switch {
	case fault.Has(err, fault.CheckpointNone):
		return c.gone()
	case err != nil:
		return answer(ctx, err)
	}
	return c.judge(e)
}

// gone is called when there is no record: none was stored yet, or the job and all
// that was kept of it were removed.
func (c *Chain) gone() error {
	c.mu.Lock()
	written := c.head.own
	c.mu.Unlock()
	if !written {
		return nil
	}
	return c.fail(fault.New(fault.CheckpointOvertaken, "its checkpoints were removed", nil))
}

// judge fails when the newest record is not what this attempt may follow.
func (c *Chain) judge(e Entry) error {
	sum := digest(e.Data)
	c.mu.Lock()
	h, mine := c.open[sum]
	past := e.Position <= c.head.position
	written := c.head.own
	c.mu.Unlock()
	switch {
	case past:
		return nil
	case mine:
		h.position = e.Position
		c.adopt(h)
		return nil
	}
	r, err := decode(c.o.Key, e.Data)
	switch {
	case err == nil && r.Kind == events.CheckpointClosed:
		return c.fail(fault.New(fault.JobCancelled, "the checkpoints of step "+c.o.Key.Step+" are closed", nil))
	case err == nil && (r.Attempt > c.o.Attempt || c.o.Fresh && r.Time.After(c.began)), written:
		return c.fail(fault.New(fault.CheckpointOvertaken, "step "+c.o.Key.Step, nil))
	case c.o.Fresh:
		return c.fail(fault.New(fault.CheckpointUnexpected, "step "+c.o.Key.Step, nil))
	}
	return nil
}

// alive fails when this attempt must not go on: another worker has taken it over,
// the job was cancelled, or the chain is closed. It reads the newest record.
//
// An attempt that has not resumed cannot tell a record of an attempt before it
// from one of a worker that has the same attempt; it goes on.
//
// Faults: checkpoint.overtaken, checkpoint.unexpected, job.cancelled,
// internal.bug after Close, and those of the log.
func (c *Chain) alive(ctx context.Context) error {
	if err := c.failed(); err != nil {
		return err
	}
	if c.o.Log == nil || c.o.Undo {
		return nil
	}
	return c.look(ctx)
}
