package checkpoint

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

const (
	defaultBytes = 16 << 20
	defaultEvery = 10 * time.Second
)

// Options says whose chain it is.
type Options struct {
	// Log keeps the records. Nil means that nothing is saved and that effects are
	// refused with effect.refused.
	Log Log
	// Store holds the unfinished outputs.
	Store *artifact.Store
	// Key names the step. Its Effect is empty.
	Key Key
	// Stage, Logic, Attempt and Worker are written into the records. A place is
	// only good for the same Stage and Logic.
	Stage, Logic, Worker string
	Attempt              int
	// Undo says that the attempt is to take a step back. Its Resume only looks:
	// it returns the place that was saved last, also when the chain is closed
	// because the job was cancelled, and nothing is saved.
	Undo bool
	// Inputs is the digest of everything the stage was given. A place is only
	// good for the same.
	Inputs string
	// Fresh says that there is no record yet, as far as anybody knows: the log is
	// not read. When that turns out to be wrong, the first save fails with
	// checkpoint.unexpected, or with checkpoint.overtaken when somebody has
	// written since New.
	Fresh bool
	// Cause is why the attempt before failed; nil when it gave no answer.
	Cause *events.Fault
	// Settle is a person's word on effects that nobody could tell of.
	Settle events.Settlement
	// Bytes is how many bytes may have to be done again after a crash. Zero means
	// 16 MiB, negative that nothing is saved.
	Bytes int64
	// Every is how long nothing is saved at most while work goes on. Zero means
	// 10 seconds.
	Every time.Duration
	// Resumed is told where the attempt goes on, unless that is the start and
	// there was no checkpoint. Its error ends the attempt. Nil means nobody.
	Resumed func(context.Context, events.Resumed) error
	// Offered is told how far the work is whenever a place is offered. It must be
	// quick. Nil means nobody.
	Offered func(done int64)
	// Slog takes a line when a place could not be saved. Nil discards.
	Slog *slog.Logger
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

func (o *Options) setDefaults() {
	if o.Bytes == 0 {
		o.Bytes = defaultBytes
	}
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	if o.Slog == nil {
		o.Slog = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Key.Effect = ""
}

// saves reports whether places are saved.
func (o *Options) saves() bool { return o.Log != nil && o.Bytes > 0 && !o.Undo }

// Chain is the checkpoints and effects of one attempt at a step. Its methods are
// safe for concurrent use.
type Chain struct {
	o     Options
	began time.Time

	effects ledger

	mu   sync.Mutex
	head head // the newest record that is this attempt's own, or that it follows
	// open are the records whose fate is not known, by their digests.
	open map[string]head
	// err is what every further call returns.
	err error
	run *Run
	// saved counts the places that this attempt has saved.
	saved int
}

// New returns the chain of an attempt. It reads and writes nothing. A chain that
// has begun to resume is closed.
func New(o Options) *Chain {
	o.setDefaults()
	return &Chain{o: o, began: o.Now(), open: make(map[string]head)}
}

// Close stops a save that is on its way, and waits for that: what came of the
// attempt is known by now, or is as good as a crash. Later calls of the chain and
// of its run fail with internal.bug. It may be called twice, and while others are
// in use. Its error is nil.
func (c *Chain) Close() error {
	c.fail(fault.New(fault.InternalBug, "checkpoints were used after their Close", nil))
	c.mu.Lock()
	r := c.run
	c.mu.Unlock()
	if r != nil {
		r.stop()
	}
	return nil
}

// Saved returns how many places the attempt has saved. It may be called after
// Close.
func (c *Chain) Saved() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.saved
}

// fail makes err what every further call returns, unless there is one already,
// and returns that.
func (c *Chain) fail(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	return c.err
}

// failed is what every call returns, or nil.
func (c *Chain) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// ended is why ctx ended, as a fault, or nil when it has not.
func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return fault.From(context.Cause(ctx))
}

// answer makes a fault of an error of the log. When ctx has ended, that is why.
func answer(ctx context.Context, err error) error {
	if fault.Has(err, fault.CheckpointOvertaken) {
		return fault.From(err)
	}
	if cause := ended(ctx); cause != nil {
		return cause
	}
	return fault.From(err)
}
