package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/millrace/millrace/events"
)

// piece is how many bytes are read before somebody who has given up is noticed.
const piece = 8 << 20

// known returns the file of a path when the server has its content already and need
// not be sent it. Whatever goes wrong on the way, the upload that follows finds out.
func (c *Client) known(ctx context.Context, path string, u Upload) (f events.File, ok bool) {
	digest, size, err := digestOf(ctx, path)
	if err != nil {
		return f, false
	}
	r, err := c.attempt(ctx, call{method: http.MethodHead, path: "/v1/artifacts/" + digest})
	if err != nil {
		return f, false
	}
	defer discard(r)
	if r.ContentLength != size {
		return f, false
	}
	if u.Progress != nil {
		u.Progress(size, size)
	}
	return events.File{Name: u.Name, Size: size, Digest: digest, MediaType: u.MediaType}, true
}

// digestOf reads a file and returns its digest and its size in bytes.
func digestOf(ctx context.Context, path string) (digest string, size int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	for err == nil && ctx.Err() == nil {
		var n int64
		n, err = io.CopyN(sum, file, piece)
		size += n
	}
	if err != io.EOF {
		return "", 0, errors.Join(err, ctx.Err())
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), size, nil
}
