package publishs3

import (
	"context"
	"crypto/sha256"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millrace/millrace/pkg/fault"
)

// undo takes one item back. completed says that the step once succeeded; until
// then a foreign object in the item's place was never ours.
func (b *batch) undo(ctx context.Context, it item, completed bool) error {
	x, err := b.look(ctx, it.key)
	if err != nil {
		return err
	}
	old, err := b.old(ctx, it)
	if err != nil {
		return err
	}
	if x == nil && old == nil {
		return nil
	}
	if x == nil {
		return b.restore(ctx, nil, old)
	}
	same, err := b.same(ctx, it, x)
	switch {
	case err != nil:
		return err
	case same && x.isOf(b.step):
		return b.restore(ctx, x, old)
	case x.isOf(b.step):
		return fault.New(fault.PublishChanged, it.key, nil)
	case same:
		return nil // equal content that somebody else has published
	case old != nil:
		return b.forget(ctx, x, old)
	case completed && !b.always:
		return fault.New(fault.PublishChanged, it.key, nil)
	}
	return nil
}

// forget removes the copy of an object that was not replaced after all, because an
// attempt died before it came to that.
func (b *batch) forget(ctx context.Context, x, old *object) error {
	equal, err := b.equal(ctx, x, old)
	if err != nil {
		return err
	}
	if !equal {
		return fault.New(fault.PublishChanged, x.key, nil)
	}
	return b.remove(ctx, old)
}

// equal reports whether two objects have the same content. Only a store that says
// little of them has to send it.
func (b *batch) equal(ctx context.Context, x, y *object) (bool, error) {
	switch {
	case x.size != y.size || x.marks[markDigest] != y.marks[markDigest]:
		return false, nil
	case x.etag == y.etag, x.marks[markDigest] != "":
		return true, nil
	case x.checksum != "" && y.checksum != "":
		return x.checksum == y.checksum, nil
	}
	first, err := b.digest(ctx, x)
	if err != nil {
		return false, err
	}
	second, err := b.digest(ctx, y)
	return first == second, err
}

// digest reads an object.
func (b *batch) digest(ctx context.Context, x *object) (sum string, err error) {
	err = b.store.call(ctx, patient, "read", x.key, func(ctx context.Context, _ *pulse) error {
		out, err := b.store.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: &x.key, IfMatch: &x.etag})
		if err != nil {
			return err
		}
		defer out.Body.Close()
		h := sha256.New()
		_, err = io.Copy(h, out.Body)
		sum = string(h.Sum(nil))
		return err
	})
	return sum, err
}

// old returns the object that the item has replaced, nil when there is none.
func (b *batch) old(ctx context.Context, it item) (*object, error) {
	if !b.always {
		return nil, nil
	}
	return b.look(ctx, oldKey(b.step, it))
}

// restore puts back the object that x has replaced, or removes x, which may be
// nil. When the old object is gone, x stays: the job that took its place in turn
// was undone first, and nothing would be left.
func (b *batch) restore(ctx context.Context, x, old *object) error {
	switch {
	case old == nil:
		return b.remove(ctx, x)
	case old.marks[markGone] != "" && x != nil:
		return fault.New(fault.PublishChanged, "what "+x.key+" has replaced is gone", nil)
	case old.marks[markGone] == "":
		to := b.keyOfOld(old)
		free := condition{absent: &anything}
		if x != nil {
			free = condition{match: &x.etag}
		}
		if err := b.copy(ctx, old, to, free); err != nil {
			return err
		}
	}
	return b.remove(ctx, old)
}

// keyOfOld is the key that an old object was kept from.
func (b *batch) keyOfOld(old *object) string {
	for _, it := range b.items {
		if oldKey(b.step, it) == old.key {
			return it.key
		}
	}
	return old.key
}
