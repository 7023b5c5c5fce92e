package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"

	"github.com/millrace/millrace/pkg/fault"
)

// Download writes the content of an artifact to w and returns its size. After a
// broken connection it goes on where it was. What was written is compared with the
// digest; on an error w may hold a part of the content. progress may be nil; it is
// called with the bytes so far and the whole size. Faults: artifact.not_found,
// artifact.bad_digest, http.digest_mismatch, artifact.io when w fails, those of http
// and client.
func (c *Client) Download(
	ctx context.Context, digest string, w io.Writer, progress func(done, total int64),
) (int64, error) {
	return c.DownloadOf(ctx, "", digest, w, progress)
}

// DownloadOf is [Client.Download] of a file that a job has worked on or made. Where
// the server asks who makes a request, it hands files that the tenant has not put
// itself out to those who name their job.
func (c *Client) DownloadOf(
	ctx context.Context, job, digest string, w io.Writer, progress func(done, total int64),
) (int64, error) {
	d := &download{c: c, job: job, digest: digest, w: w, sum: sha256.New(), progress: progress}
	var pause backoff
	for failures := 0; ; {
		before := d.done
		err := d.run(ctx)
		if err == nil {
			return d.done, d.verify()
		}
		if d.done > before {
			failures = 0
			pause.reset()
		}
		failures++
		if failures >= c.cfg.Tries || !fault.Has(err, fault.ClientInterrupted) {
			return d.done, err
		}
		if !pause.wait(ctx, 0) {
			return d.done, err
		}
	}
}

// download is an artifact on its way in.
type download struct {
	c        *Client
	job      string
	digest   string
	w        io.Writer
	sum      hash.Hash
	done     int64
	total    int64
	progress func(done, total int64)
}

// run reads one answer to its end.
func (d *download) run(ctx context.Context) error {
	k := call{
		method: http.MethodGet, path: "/v1/artifacts/" + url.PathEscape(d.digest),
		header: http.Header{},
	}
	if d.job != "" {
		k.query = url.Values{"job": {d.job}}
	}
	if d.done > 0 {
		if d.done == d.total {
			return nil
		}
		k.header.Set("Range", fmt.Sprintf("bytes=%d-", d.done))
	}
	r, err := d.c.do(ctx, k)
	if err != nil {
		return err
	}
	defer discard(r)
	if d.done > 0 && r.StatusCode != http.StatusPartialContent {
		return fault.New(fault.ClientBadAnswer, "it does not resume a download", nil)
	}
	if d.done == 0 {
		d.total = r.ContentLength
	}
	_, err = io.Copy(d, r.Body)
	switch {
	case err == nil && d.total >= 0 && d.done < d.total:
		return fault.New(fault.ClientInterrupted, "the content ended early", nil)
	case err == nil || fault.Has(err, fault.ArtifactIO):
		return err
	case ctx.Err() != nil:
		return ended(ctx, "download "+d.digest)
	}
	return fault.New(fault.ClientInterrupted, "read the content", err)
}

// Write takes a part of the content.
func (d *download) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	d.sum.Write(p[:n])
	d.done += int64(n)
	if d.progress != nil {
		d.progress(d.done, max(d.total, 0))
	}
	if err != nil {
		return n, fault.New(fault.ArtifactIO, "write the download", err)
	}
	return n, nil
}

func (d *download) verify() error {
	if got := "sha256:" + hex.EncodeToString(d.sum.Sum(nil)); got != d.digest {
		return fault.New(fault.HTTPDigestMismatch, "download "+clipped(d.digest)+", got "+got, nil)
	}
	return nil
}
