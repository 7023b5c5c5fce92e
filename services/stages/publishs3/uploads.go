package publishs3

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millrace/millrace/pkg/fault"
)

// upload is an unfinished upload of an object.
type upload struct{ key, id string }

// part is one part of an upload that the store has.
type part struct {
	number int32
	size   int64
	etag   string
	sum    string // its SHA-256 in base64, or nothing
}

// begin begins an upload of the item.
func (b *batch) begin(ctx context.Context, it item) (u upload, err error) {
	err = b.store.change(ctx, b.store.idle, "begin", it.key, func(ctx context.Context, _ *pulse) error {
		out, err := b.store.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: &b.bucket, Key: &it.key, ContentType: optional(it.file.MediaType),
			Metadata: marks(b.task, b.step, it.file.Digest), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		})
		if err == nil {
			u = upload{key: it.key, id: aws.ToString(out.UploadId)}
		}
		return err
	})
	return u, err
}

// abort ends an upload. One that is gone is ended.
func (b *batch) abort(ctx context.Context, u upload) error {
	err := b.store.change(ctx, b.store.idle, "end the upload of", u.key, func(ctx context.Context, _ *pulse) error {
		_, err := b.store.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: &b.bucket, Key: &u.key, UploadId: &u.id,
		})
		if absent(err) {
			return nil
		}
		return err
	})
	if fault.Has(err, fault.S3UploadGone) {
		return nil
	}
	return err
}

// parts returns the parts of an upload that the store has, in order. limit, unless
// 0, is how many are enough.
func (b *batch) parts(ctx context.Context, u upload, limit int32) (found []part, err error) {
	var after *string
	for {
		var page *s3.ListPartsOutput
		err := b.store.call(ctx, b.store.idle, "list the parts of", u.key, func(ctx context.Context, _ *pulse) (err error) {
			in := &s3.ListPartsInput{Bucket: &b.bucket, Key: &u.key, UploadId: &u.id, PartNumberMarker: after}
			if limit > 0 {
				in.MaxParts = &limit
			}
			page, err = b.store.s3.ListParts(ctx, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, p := range page.Parts {
			found = append(found, part{
				number: aws.ToInt32(p.PartNumber), size: aws.ToInt64(p.Size),
				etag: aws.ToString(p.ETag), sum: aws.ToString(p.ChecksumSHA256),
			})
		}
		if limit > 0 || !aws.ToBool(page.IsTruncated) || aws.ToString(page.NextPartNumberMarker) == "" {
			return found, nil
		}
		after = page.NextPartNumberMarker
	}
}

// endUploads ends the uploads of a key that are ours, of those that no place
// speaks of.
func (b *batch) endUploads(
	ctx context.Context, key string, ours func(context.Context, upload) (bool, error),
) error {
	all, err := b.uploads(ctx, key)
	var errs []error
	for _, u := range all {
		yes, err := ours(ctx, u)
		if err == nil && yes {
			err = b.abort(ctx, u)
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, err)...)
}

// everyUpload is for keys that are the step's alone.
func everyUpload(context.Context, upload) (bool, error) { return true, nil }

// uploads lists the unfinished uploads of a key.
func (b *batch) uploads(ctx context.Context, key string) (found []upload, err error) {
	var afterKey, afterID *string
	for {
		var page *s3.ListMultipartUploadsOutput
		err := b.store.call(ctx, b.store.idle, "list the uploads of", key, func(ctx context.Context, _ *pulse) (err error) {
			page, err = b.store.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{
				Bucket: &b.bucket, Prefix: &key, KeyMarker: afterKey, UploadIdMarker: afterID,
			})
			if absent(err) {
				page, err = &s3.ListMultipartUploadsOutput{}, nil
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, u := range page.Uploads {
			if aws.ToString(u.Key) == key {
				found = append(found, upload{key: key, id: aws.ToString(u.UploadId)})
			}
		}
		if !aws.ToBool(page.IsTruncated) || aws.ToString(page.NextKeyMarker) == "" {
			return found, nil
		}
		afterKey, afterID = page.NextKeyMarker, page.NextUploadIdMarker
	}
}

// stray reports whether an upload of the item's key is one that an attempt at this
// step has begun. Stores do not say who began an upload, so it goes by what is
// known: below the job's own prefix all are; anywhere else one that has no part
// yet, as an attempt leaves it that dies before it has noted it, and one whose
// first part is that of the item.
func (b *batch) stray(it item) func(context.Context, upload) (bool, error) {
	return func(ctx context.Context, u upload) (bool, error) {
		if b.own || u.id == b.at.Upload && b.at.Upload != "" {
			return true, nil
		}
		first, err := b.parts(ctx, u, 1)
		switch {
		case fault.Has(err, fault.S3UploadGone):
			return false, nil
		case err != nil:
			return false, err
		case len(first) == 0:
			return true, nil
		case first[0].number != 1 || first[0].size != min(partSize(it.file.Size), it.file.Size):
			return false, nil
		}
		return b.isFirst(ctx, it, first[0])
	}
}

// isFirst reports whether a part has the content that the item starts with.
func (b *batch) isFirst(ctx context.Context, it item, p part) (bool, error) {
	r, err := b.task.Store.OpenRange(ctx, it.file.Digest, 0, p.size)
	if fault.Has(err, fault.ArtifactNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer r.Close()
	sum, tag := sha256.New(), md5.New()
	if _, err := io.Copy(io.MultiWriter(sum, tag), r); err != nil {
		return false, err
	}
	if p.sum != "" {
		return p.sum == base64.StdEncoding.EncodeToString(sum.Sum(nil)), nil
	}
	return strings.Trim(p.etag, `"`) == hex.EncodeToString(tag.Sum(nil)), nil
}

// check reports whether the parts that the place speaks of are those that the
// store has, and returns them with the ones that came after.
func (p *place) check(found []part, size int64) (ok bool, err error) {
	var sums, tags []byte
	complete := true
	for n := range p.Parts {
		if n >= len(found) || int(found[n].number) != n+1 || found[n].size != min(p.PartSize, size-int64(n)*p.PartSize) {
			return false, nil
		}
		complete = complete && found[n].sum != ""
		if sums, err = chain(sums, found[n].sum); err != nil {
			return false, err
		}
		if tags, err = chain(tags, found[n].etag); err != nil {
			return false, err
		}
	}
	return complete && bytes.Equal(sums, p.Sums) || bytes.Equal(tags, p.Tags), nil
}
