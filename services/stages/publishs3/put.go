package publishs3

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

// put puts an item into the bucket by one request.
func (b *batch) put(ctx context.Context, it item) error {
	var content []byte
	return b.appear(ctx, it, func(ctx context.Context, c condition) (string, error) {
		if content == nil {
			var err error
			if content, err = b.content(ctx, it); err != nil {
				return "", checkpoint.NotDone(err)
			}
		}
		return b.putOnce(ctx, it, content, c)
	})
}

// putOnce is the request.
func (b *batch) putOnce(ctx context.Context, it item, content []byte, c condition) (said string, err error) {
	err = b.store.change(ctx, b.store.idle, "put", it.key, func(ctx context.Context, p *pulse) error {
		out, err := b.store.s3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &b.bucket, Key: &it.key, Body: p.body(content), ContentLength: aws.Int64(it.file.Size),
			ContentType: optional(it.file.MediaType), Metadata: marks(b.task, b.step, it.file.Digest),
			ChecksumSHA256: aws.String(checksumOf(it.file.Digest)), IfNoneMatch: c.absent, IfMatch: c.match,
		}, unsigned)
		if err == nil {
			said = receipt(b.bucket, it.key, aws.ToString(out.ETag), aws.ToString(out.VersionId))
		}
		return err
	})
	return said, err
}

// content reads all of an item.
func (b *batch) content(ctx context.Context, it item) ([]byte, error) {
	r, err := b.task.Store.OpenRange(ctx, it.file.Digest, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content := make([]byte, it.file.Size)
	_, err = io.ReadFull(r, content)
	if err == nil {
		var more int
		more, err = r.Read(make([]byte, 1))
		if more > 0 || err == io.EOF {
			err = nil
		}
		if more > 0 {
			err = errSize(it)
		}
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errSize(it)
	}
	if err != nil {
		return nil, fault.From(err)
	}
	return content, nil
}

// errSize is for an item whose size is not that of its content.
func errSize(it item) error {
	return fault.New(fault.ArtifactCorrupt, it.file.Digest+" has another size than was said", nil)
}
