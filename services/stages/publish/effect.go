package publish

import (
	"context"
	"errors"
	"path"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

// effect is the name of the one effect of the step: that its files appear.
const effect = "place"

// made reports whether the files have appeared before. They are not put there
// again, also when somebody has taken them away since.
func (b *batch) made(ctx context.Context) (bool, error) {
	if b.task.Checkpoints == nil {
		return false, nil
	}
	_, state, err := b.task.Checkpoints.Made(ctx, effect)
	if fault.Has(err, fault.EffectRefused) {
		return false, nil
	}
	return state == events.EffectCommitted, err
}

// appear puts the items that are whole into their places. An attempt that was
// overtaken does not come to that.
func (b *batch) appear(ctx context.Context, items []item, ready []*whole) error {
	do := func(ctx context.Context, _ string) (string, error) {
		err := b.placeAll(ctx, items, ready)
		if err != nil {
			b.takeBack(items)
			return "", checkpoint.NotDone(err)
		}
		b.settled = true
		return b.receipt(items), nil
	}
	verify := func(ctx context.Context, _ string) (string, error) {
		for _, it := range items {
			there, err := b.isThere(ctx, it)
			if fault.Has(err, fault.PublishExists) || err == nil && !there {
				return "", checkpoint.ErrAbsent
			}
			if err != nil {
				return "", err
			}
		}
		return b.receipt(items), b.sync()
	}
	_, err := b.task.Effect(ctx, effect, do, verify)
	if fault.Has(err, fault.EffectRefused) { // the folder has to do
		_, err = do(ctx, "")
	}
	if err != nil {
		return fault.From(err)
	}
	return nil
}

// placeAll puts the items into their places and makes that durable.
func (b *batch) placeAll(ctx context.Context, items []item, ready []*whole) error {
	for i, it := range items {
		if ready[i] == nil {
			continue
		}
		if err := b.place(ctx, it, ready[i]); err != nil {
			return err
		}
	}
	return b.sync()
}

func (b *batch) receipt(items []item) string {
	return strconv.Itoa(len(items)) + " in " + path.Clean(b.name) + ", " + items[0].file.Digest
}

// letGo removes the hidden files that are of no more use after a publish that
// ended with err. Those that another attempt may go on with stay.
func (b *batch) letGo(ctx context.Context, items []item, ready []*whole, err error) {
	switch {
	case overtaken(err):
		for i, w := range ready { // the successor cannot see to what was locked
			if w == nil {
				continue
			}
			if there, err := b.isThere(ctx, items[i]); there && err == nil {
				_ = b.root.Remove(w.temp)
			}
		}
		return
	case err != nil && b.task.Checkpoints != nil && b.total > resumable && comesAgain(err):
		return
	}
	for _, w := range ready {
		if w != nil {
			_ = b.root.Remove(w.temp) // its name; what it names is in its place
		}
	}
	b.sweep()
}

// overtaken reports whether another attempt does the work.
func overtaken(err error) bool {
	return fault.Has(err, fault.CheckpointOvertaken) || fault.Has(err, fault.CheckpointUnexpected)
}

// comesAgain reports whether another attempt will go on where one with this error
// was. A context that ended without a reason is that of a process that dies.
func comesAgain(err error) bool {
	if errors.Is(err, context.Canceled) {
		return true
	}
	switch fault.ClassOf(err) {
	case fault.Transient, fault.Timeout, fault.DependencyDown, fault.RateLimited, fault.Unclassified:
		return true
	}
	return false
}

// giveUp takes back what attempts of this step have published, after a failure,
// unless that is the business of another attempt by now.
func (b *batch) giveUp(ctx context.Context, items []item, err error) {
	if overtaken(err) || b.settled {
		return
	}
	if b.run == nil && !fault.Has(err, fault.JobCancelled) && b.task.Checkpoints != nil {
		return // it is not known whose business it is
	}
	if b.run != nil {
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer stop()
		if err := b.run.Save(last, total(items[:b.at.Items])+b.at.Bytes, b.total); err != nil && !fault.Has(err, fault.JobCancelled) {
			return
		}
	}
	b.takeBack(items)
	if b.run == nil {
		b.sweep() // of a job that was cancelled
	}
}
