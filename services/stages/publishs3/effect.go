package publishs3

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

// condition is what must hold for an object to appear: that nothing has its key,
// or that what has it is what was looked at, by its ETag.
type condition struct{ absent, match *string }

// anything is the ETag of any object.
var anything = "*"

// send makes the object of an item appear if the condition holds, and otherwise
// fails with s3.conflict. It returns a receipt.
type send func(ctx context.Context, c condition) (string, error)

// appear makes the object of an item appear, as an effect of the step.
func (b *batch) appear(ctx context.Context, it item, s send) error {
	do := func(ctx context.Context, _ string) (string, error) { return b.settle(ctx, it, s) }
	verify := func(ctx context.Context, _ string) (string, error) {
		x, err := b.look(ctx, it.key)
		if err != nil {
			return "", err
		}
		if x == nil || !x.isOf(b.step) || x.size != it.file.Size || x.marks[markDigest] != it.file.Digest {
			return "", checkpoint.ErrAbsent
		}
		return x.receipt(b.bucket), nil
	}
	_, err := b.task.Effect(ctx, b.effect(it), do, verify)
	if fault.Has(err, fault.EffectRefused) { // the marks of the object have to do
		_, err = do(ctx, "")
	}
	if err != nil {
		return fault.From(err)
	}
	return nil
}

// made reports whether the object of an item has appeared before.
func (b *batch) made(ctx context.Context, it item) (bool, error) {
	if b.task.Checkpoints == nil {
		return false, nil
	}
	_, state, err := b.task.Checkpoints.Made(ctx, b.effect(it))
	if fault.Has(err, fault.EffectRefused) {
		return false, nil
	}
	return state == events.EffectCommitted, err
}

// effect is the name of the effect of an item.
func (b *batch) effect(it item) string { return "put/" + strconv.Itoa(b.at.Round) + "/" + it.tag }

// settle looks whether the way is free, sends, and looks again when it was not.
func (b *batch) settle(ctx context.Context, it item, s send) (string, error) {
	free := condition{absent: &anything}
	look := b.always || it.file.Size > small // otherwise the store does it
	for range 10 {
		if look {
			x, err := b.look(ctx, it.key)
			if err == nil {
				free, err = b.wayTo(ctx, it, x)
			}
			if fault.Has(err, fault.S3Conflict) {
				continue // it has changed since
			}
			if err != nil {
				return "", checkpoint.NotDone(err)
			}
			if free == (condition{}) {
				return x.receipt(b.bucket), nil
			}
		}
		receipt, err := s(ctx, free)
		if err == nil {
			return receipt, nil
		}
		if !fault.Has(err, fault.S3Conflict) {
			return "", certain(err)
		}
		look = true
	}
	return "", checkpoint.NotDone(fault.New(fault.S3Conflict, it.key, nil))
}

// wayTo returns the condition under which the item may appear where x is, which may
// be nil. There is none when x has its content.
func (b *batch) wayTo(ctx context.Context, it item, x *object) (condition, error) {
	if x == nil {
		return condition{absent: &anything}, nil
	}
	same, err := b.same(ctx, it, x)
	switch {
	case err != nil, same:
		return condition{}, err
	case !b.always:
		return condition{}, fault.New(fault.PublishExists, it.key, nil)
	case x.isOf(b.step): // of an earlier attempt that was given other content
		return condition{match: &x.etag}, nil
	}
	if err := b.keep(ctx, it, x); err != nil {
		return condition{}, err
	}
	return condition{match: &x.etag}, b.forgetOld(ctx, it, x)
}

// certain marks errors after which the object has certainly not appeared.
func certain(err error) error {
	if errors.As(err, new(*unsure)) {
		return err
	}
	switch fault.From(err).Code {
	case fault.S3Unreachable, fault.S3Denied, fault.S3NoBucket, fault.S3Rejected, fault.S3RateLimited,
		fault.S3BadKey, fault.S3TooLarge, fault.S3Untrusted, fault.BreakerOpen:
		return checkpoint.NotDone(err)
	}
	return err
}

// receipt says where and what the object is.
func (o *object) receipt(bucket string) string { return receipt(bucket, o.key, o.etag, o.version) }

func receipt(bucket, key, etag, version string) string {
	text := fmt.Sprintf("s3://%s/%s etag %s", bucket, key, etag)
	if version != "" {
		text += " version " + version
	}
	return text
}
