package publishs3

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

const (
	// minPart is the smallest part that stores take, but for the last one.
	minPart = 5 << 20
	// maxPart bounds the memory that an attempt needs.
	maxPart = 64 << 20
	// maxParts is how many parts an upload may have.
	maxParts = 10_000
)

// partSize is how large the parts of a file are: as small as possible, because a
// part is what is sent again after a crash.
func partSize(size int64) int64 {
	const mib = 1 << 20
	return max(minPart, ((size+maxParts-1)/maxParts+mib-1)/mib*mib)
}

// large puts the files that are too large for one request, one after the other.
func (b *batch) large(ctx context.Context) error {
	done := int64(0) // of the files that are done
	var all []item
	for _, it := range b.items {
		if it.file.Size > small {
			all = append(all, it)
		} else {
			done += it.file.Size
		}
	}
	for i, it := range all {
		if i >= b.at.Large {
			if err := b.one(ctx, it, done); err != nil {
				return err
			}
			b.at.next()
		}
		done += it.file.Size
		b.reach(done)
		if err := b.run.Offer(ctx, done, b.total); err != nil {
			return err
		}
	}
	return nil
}

// one uploads an item; done bytes of others went before it.
func (b *batch) one(ctx context.Context, it item, done int64) error {
	made, err := b.made(ctx, it)
	if err != nil {
		return err
	}
	if made {
		return b.drop(ctx, it) // in case it was there without the upload
	}
	free, err := b.free(ctx, it)
	if err != nil {
		return err
	}
	if !free {
		if err := b.appear(ctx, it, taken); err != nil {
			return err
		}
		return b.drop(ctx, it)
	}
	for tries := 1; ; tries++ {
		err := b.upload(ctx, it, done)
		again := fault.Has(err, fault.S3UploadGone) || fault.Has(err, fault.S3Mismatch)
		if !again || tries == 3 || ctx.Err() != nil {
			return err
		}
		if err := b.drop(ctx, it); err != nil {
			return err
		}
	}
}

// taken sends nothing: the object is there, and when it is gone after all the
// attempt looks again.
func taken(context.Context, condition) (string, error) {
	return "", fault.New(fault.S3Conflict, "the object has just gone", nil)
}

// free reports whether the item is to be sent: not when it is there already. What
// stands in its way is found before anything is sent.
func (b *batch) free(ctx context.Context, it item) (bool, error) {
	if partSize(it.file.Size) > maxPart {
		return false, fault.New(fault.S3TooLarge, fmt.Sprintf("%s has %d bytes", it.key, it.file.Size), nil)
	}
	size, err := b.task.Store.Stat(ctx, it.file.Digest)
	if err != nil {
		return false, err
	}
	if size != it.file.Size {
		return false, errSize(it)
	}
	x, err := b.look(ctx, it.key)
	if x == nil || err != nil {
		return err == nil, err
	}
	same, err := b.same(ctx, it, x)
	if err == nil && !same && !b.always {
		err = fault.New(fault.PublishExists, it.key, nil)
	}
	return !same, err
}

// upload sends what the store does not have yet, and completes the upload.
func (b *batch) upload(ctx context.Context, it item, done int64) error {
	u, extra, err := b.open(ctx, it, done)
	if err != nil {
		return err
	}
	if err := b.sendParts(ctx, it, u, extra, done); err != nil {
		return err
	}
	completed := false
	err = b.appear(ctx, it, func(ctx context.Context, c condition) (said string, err error) {
		said, err = b.complete(ctx, it, u, c)
		completed = err == nil
		return said, err
	})
	if err == nil && !completed { // it is there without this upload
		return b.drop(ctx, it)
	}
	return err
}

// open returns the upload to go on with, and the parts of it that the place does
// not speak of.
func (b *batch) open(ctx context.Context, it item, done int64) (upload, map[int32]part, error) {
	if b.at.Upload == "" {
		u, err := b.start(ctx, it, done)
		return u, nil, err
	}
	u := upload{key: it.key, id: b.at.Upload}
	found, err := b.parts(ctx, u, 0)
	if err != nil {
		return u, nil, err
	}
	ok, err := b.at.check(found, it.file.Size)
	if err == nil && !ok {
		err = fault.New(fault.S3Mismatch, it.key, nil)
	}
	extra := map[int32]part{}
	if err == nil {
		for _, p := range found[b.at.Parts:] {
			extra[p.number] = p
		}
	}
	return u, extra, err
}

// start begins an upload and notes it, after it has ended what an attempt left that
// died in between.
func (b *batch) start(ctx context.Context, it item, done int64) (upload, error) {
	// An attempt that was overtaken must not end the uploads of its successor.
	if err := b.run.Save(ctx, done, b.total); err != nil {
		return upload{}, err
	}
	if err := b.endUploads(ctx, it.key, b.stray(it)); err != nil {
		return upload{}, err
	}
	u, err := b.begin(ctx, it)
	if err != nil {
		return u, err
	}
	b.at.Upload, b.at.PartSize = u.id, partSize(it.file.Size)
	if err := b.run.Save(ctx, done, b.total); err != nil {
		b.at.restart()
		clean, stop := lastMoment(ctx)
		defer stop()
		_ = b.abort(clean, u) // otherwise the next attempt finds it
		return u, err
	}
	return u, nil
}

// drop ends the upload of the item and forgets it.
func (b *batch) drop(ctx context.Context, it item) error {
	u := upload{key: it.key, id: b.at.Upload}
	b.at.restart()
	if u.id == "" {
		return nil
	}
	return b.abort(ctx, u)
}

// complete makes the object of an upload.
func (b *batch) complete(ctx context.Context, it item, u upload, c condition) (string, error) {
	found, err := b.parts(ctx, u, 0)
	if err != nil {
		return "", checkpoint.NotDone(err)
	}
	ok, err := b.at.check(found, it.file.Size)
	if err == nil && (!ok || b.at.Parts == 0) {
		err = fault.New(fault.S3Mismatch, it.key, nil)
	}
	if err != nil {
		return "", checkpoint.NotDone(err)
	}
	list := make([]types.CompletedPart, b.at.Parts)
	for i, p := range found[:b.at.Parts] {
		list[i] = types.CompletedPart{PartNumber: aws.Int32(p.number), ETag: &p.etag, ChecksumSHA256: optional(p.sum)}
	}
	var said string
	err = b.store.change(ctx, patient, "complete", it.key, func(ctx context.Context, _ *pulse) error {
		out, err := b.store.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &b.bucket, Key: &u.key, UploadId: &u.id, IfNoneMatch: c.absent, IfMatch: c.match,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
		})
		if err == nil {
			said = receipt(b.bucket, it.key, aws.ToString(out.ETag), aws.ToString(out.VersionId))
		}
		return err
	})
	return said, err
}
