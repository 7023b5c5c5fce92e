package publishs3

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Names of what objects say about themselves.
const (
	markDigest = "millrace-digest"
	markJob    = "millrace-job"
	markStep   = "millrace-step"
	// markGone is on an object that takes the place of an old one which can no
	// longer be put back.
	markGone = "millrace-gone"
)

// marks are what the objects of a step say.
func marks(t *stage.Task, step, digest string) map[string]string {
	return map[string]string{markDigest: digest, markJob: t.Job, markStep: step}
}

// object is what is found under a key.
type object struct {
	key       string
	size      int64
	etag      string
	version   string
	mediaType string
	marks     map[string]string
	checksum  string // SHA-256 of the content in base64, or nothing
}

// look returns what is found under key, nil when there is nothing.
func (b *batch) look(ctx context.Context, key string) (found *object, err error) {
	err = b.store.call(ctx, b.store.idle, "look at", key, func(ctx context.Context, _ *pulse) error {
		out, err := b.store.s3.HeadObject(ctx, &s3.HeadObjectInput{
			Bucket: &b.bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled,
		})
		if absent(err) {
			return nil
		}
		if err != nil {
			return err
		}
		found = &object{
			key: key, size: aws.ToInt64(out.ContentLength), etag: aws.ToString(out.ETag),
			version: aws.ToString(out.VersionId), mediaType: aws.ToString(out.ContentType), marks: lower(out.Metadata),
		}
		if sum := aws.ToString(out.ChecksumSHA256); !strings.Contains(sum, "-") {
			found.checksum = sum
		}
		return nil
	})
	return found, err
}

// lower makes names of marks comparable: some stores write them in capitals.
func lower(marks map[string]string) map[string]string {
	out := make(map[string]string, len(marks))
	for name, value := range marks {
		out[strings.ToLower(name)] = value
	}
	return out
}

// same reports whether the content is that of the item, as far as the store says.
// Of an object that says little of itself, the item is read to compare.
func (b *batch) same(ctx context.Context, it item, o *object) (bool, error) {
	switch {
	case o.size != it.file.Size:
		return false, nil
	case o.marks[markDigest] != "":
		return o.marks[markDigest] == it.file.Digest, nil
	case o.checksum != "":
		return o.checksum == checksumOf(it.file.Digest), nil
	}
	etag := strings.Trim(o.etag, `"`)
	if len(etag) != 2*md5.Size { // most stores make it of the content
		return false, nil
	}
	r, err := b.task.Store.OpenRange(ctx, it.file.Digest, 0, -1)
	if fault.Has(err, fault.ArtifactNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer r.Close()
	h := md5.New()
	if _, err := io.Copy(h, r); err != nil {
		return false, err
	}
	return etag == hex.EncodeToString(h.Sum(nil)), nil
}

// isOf reports whether the step has put the object there.
func (o *object) isOf(step string) bool { return o.marks[markStep] == step }

// checksumOf is a digest the way stores write it.
func checksumOf(digest string) string {
	sum, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:"))
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(sum)
}

// remove deletes the object that was found, unless it has changed since. What is
// gone already is removed.
func (b *batch) remove(ctx context.Context, o *object) error {
	return b.store.change(ctx, b.store.idle, "remove", o.key, func(ctx context.Context, _ *pulse) error {
		in := &s3.DeleteObjectInput{Bucket: &b.bucket, Key: &o.key, IfMatch: &o.etag}
		_, err := b.store.s3.DeleteObject(ctx, in)
		if unknownCondition(err) {
			in.IfMatch = nil
			_, err = b.store.s3.DeleteObject(ctx, in)
		}
		if absent(err) {
			return nil
		}
		return err
	})
}
