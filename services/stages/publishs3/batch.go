package publishs3

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Files go to the store in three ways, by their size.
const (
	tiny  = 1 << 20  // up to this, several at once
	small = 16 << 20 // up to this, in one request

	tinyAtOnce = 8
)

// batch is the files of one attempt at a step, or of its undo.
type batch struct {
	task   *stage.Task
	store  *store
	bucket string
	step   string // stands for the step in marks
	always bool
	own    bool // keys start with the job's id
	items  []item

	run   *checkpoint.Run // nil until the attempt has resumed
	at    place
	meter *stage.Meter
	total int64
}

// publish puts every item into the bucket.
func (b *batch) publish(ctx context.Context) error {
	run, err := b.task.Resume(ctx, stateVersion, &b.at)
	if err != nil {
		return err
	}
	b.run = run
	for _, it := range b.items {
		b.total += it.file.Size
	}
	b.meter = b.task.Meter(b.total)
	b.meter.Add(run.Done())
	if err := b.each(ctx, tinyAtOnce, 0, tiny); err != nil {
		return err
	}
	if err := b.each(ctx, 1, tiny, small); err != nil {
		return err
	}
	return b.large(ctx)
}

// each puts the items of a size above the first and up to the second number, some
// at once, until one fails.
func (b *batch) each(ctx context.Context, atOnce int, above, upTo int64) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	work := func() {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(b.items) {
				return
			}
			it := b.items[i]
			if it.file.Size > upTo || above > 0 && it.file.Size <= above {
				continue
			}
			if err := b.put(ctx, it); err != nil {
				stop(err)
				return
			}
			if b.run.Done() == 0 { // otherwise it is counted
				b.meter.Add(it.file.Size)
			}
		}
	}
	for range min(atOnce, len(b.items)) {
		wg.Go(work)
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// giveUp cleans up after an attempt that failed with err. What another attempt may
// go on with stays, and what another attempt goes on with already.
func (b *batch) giveUp(ctx context.Context, err error) {
	if !final(err) {
		return
	}
	ctx, stop := lastMoment(ctx)
	defer stop()
	if b.run != nil {
		// It also tells whether this attempt is still the one that may.
		uploaded := b.at.Upload
		b.at = place{Round: b.at.Round + 1}
		if err := b.run.Save(ctx, 0, b.total); err != nil && !fault.Has(err, fault.JobCancelled) {
			return
		}
		b.at.Upload = uploaded
	}
	for _, it := range b.items {
		err := b.clear(ctx, it)
		if err == nil {
			err = b.undo(ctx, it, false)
		}
		if err != nil && b.task.Log != nil {
			b.task.Log.Warn("published object left behind", slog.String("key", it.key), slog.Any("error", err))
		}
	}
}

// final reports whether no other attempt will go on where one with this error was.
func final(err error) bool {
	if errors.Is(err, context.Canceled) { // without a reason: the process dies
		return false
	}
	if overtaken(err) {
		return false
	}
	switch fault.ClassOf(err) {
	case fault.DataQuality, fault.SchemaMismatch, fault.Policy, fault.Poison, fault.Conflict, fault.Cancelled:
		return true
	}
	return false
}

// overtaken reports whether another attempt has taken over.
func overtaken(err error) bool {
	return fault.Has(err, fault.CheckpointOvertaken) || fault.Has(err, fault.CheckpointUnexpected)
}

// lastMoment is a context to clean up with: a moment when ctx has ended, because
// somebody waits, and otherwise as long as that may take.
func lastMoment(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := time.Minute
	if ctx.Err() != nil {
		limit = 2 * time.Second
	}
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}

// reach makes the meter show at least done bytes.
func (b *batch) reach(done int64) {
	if more := done - b.meter.Done(); more > 0 {
		b.meter.Add(more)
	}
}

// clear ends the uploads of an item that are the step's.
func (b *batch) clear(ctx context.Context, it item) error {
	var err error
	if it.file.Size > small {
		err = b.endUploads(ctx, it.key, b.stray(it))
	}
	if err == nil && b.always {
		err = b.endUploads(ctx, oldKey(b.step, it), everyUpload)
	}
	return err
}
