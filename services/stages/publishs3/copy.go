package publishs3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millrace/millrace/pkg/fault"
)

// keep copies the object that is in the item's place to its old key.
func (b *batch) keep(ctx context.Context, it item, x *object) error {
	return b.copy(ctx, x, oldKey(b.step, it), condition{})
}

// forgetOld takes the object away that the step of another job has kept for its
// undo: it was replaced in turn, and can no longer be put back. What stays is an
// empty object that says so.
func (b *batch) forgetOld(ctx context.Context, it item, x *object) error {
	if x.marks[markStep] == "" || x.isOf(b.step) {
		return nil
	}
	old, err := b.look(ctx, oldKey(x.marks[markStep], it))
	if old == nil || err != nil || old.marks[markGone] != "" {
		return err
	}
	return b.store.change(ctx, b.store.idle, "forget", old.key, func(ctx context.Context, p *pulse) error {
		_, err := b.store.s3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &b.bucket, Key: &old.key, Body: p.body(nil), Metadata: map[string]string{markGone: "replaced"},
		})
		return err
	})
}

// copy makes the object that was found appear under the key to, too, with all it
// says of itself.
func (b *batch) copy(ctx context.Context, from *object, to string, c condition) error {
	if from.size > b.store.copyLimit {
		return b.copyParts(ctx, from, to, c)
	}
	return b.store.change(ctx, patient, "copy to", to, func(ctx context.Context, _ *pulse) error {
		_, err := b.store.s3.CopyObject(ctx, &s3.CopyObjectInput{
			Bucket: &b.bucket, Key: &to, CopySource: b.source(from.key), CopySourceIfMatch: &from.etag,
			IfNoneMatch: c.absent, IfMatch: c.match,
		})
		if absent(err) {
			return fault.New(fault.S3Conflict, from.key+" has just gone", nil)
		}
		return err
	})
}

// source is how requests name an object that is copied.
func (b *batch) source(key string) *string {
	parts := strings.Split(b.bucket+"/"+key, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(p), "+", "%20")
	}
	return aws.String(strings.Join(parts, "/"))
}

// copyParts is copy for an object that is too large for one request.
func (b *batch) copyParts(ctx context.Context, from *object, to string, c condition) (err error) {
	if strings.HasPrefix(to, hidden) { // which is the step's alone
		if err := b.endUploads(ctx, to, everyUpload); err != nil {
			return err
		}
	}
	var id string
	err = b.store.change(ctx, b.store.idle, "copy to", to, func(ctx context.Context, _ *pulse) error {
		out, err := b.store.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: &b.bucket, Key: &to, ContentType: optional(from.mediaType), Metadata: from.marks,
		})
		if err == nil {
			id = aws.ToString(out.UploadId)
		}
		return err
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			clean, stop := lastMoment(ctx)
			defer stop()
			err = errors.Join(err, b.abort(clean, upload{key: to, id: id}))
		}
	}()
	var parts []types.CompletedPart
	size := max(b.store.copyLimit/2, minPart)
	for at := int64(0); at < from.size; at += size {
		n := int32(len(parts) + 1)
		etag, err := b.copyPart(ctx, from, upload{key: to, id: id}, n, at, min(at+size, from.size))
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{PartNumber: &n, ETag: &etag})
	}
	return b.store.change(ctx, patient, "copy to", to, func(ctx context.Context, _ *pulse) error {
		_, err := b.store.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &b.bucket, Key: &to, UploadId: &id, IfNoneMatch: c.absent, IfMatch: c.match,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
		return err
	})
}

// copyPart copies the bytes from start up to end.
func (b *batch) copyPart(
	ctx context.Context, from *object, to upload, n int32, start, end int64,
) (etag string, err error) {
	err = b.store.change(ctx, patient, "copy to", to.key, func(ctx context.Context, _ *pulse) error {
		out, err := b.store.s3.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
			Bucket: &b.bucket, Key: &to.key, UploadId: &to.id, PartNumber: &n,
			CopySource: b.source(from.key), CopySourceIfMatch: &from.etag,
			CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", start, end-1)),
		})
		if err == nil && out.CopyPartResult != nil {
			etag = aws.ToString(out.CopyPartResult.ETag)
		}
		return err
	})
	return etag, err
}

// optional is nil for nothing.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// unknownCondition reports whether a store does not know the condition of a
// request, which is older than that.
func unknownCondition(err error) bool {
	var resp *smithyhttp.ResponseError
	return errors.As(err, &resp) && resp.Response != nil && resp.Response.StatusCode == http.StatusNotImplemented
}
