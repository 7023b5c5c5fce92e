package publishs3

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millrace/millrace/pkg/fault"
)

// partsAtOnce is how many parts are on their way at once. Each needs its memory,
// and is sent again after a crash.
const partsAtOnce = 2

// sending is the parts of one upload on their way.
type sending struct {
	*batch
	it    item
	u     upload
	extra map[int32]part // at the store, but not in the place
	done  int64          // bytes of the files before

	reading sync.Mutex
	r       io.Reader
	next    int32

	noting sync.Mutex // held while the place changes, or is saved
	sent   map[int32]part
}

// sendParts sends the parts of an upload that come after those of the place.
func (b *batch) sendParts(ctx context.Context, it item, u upload, extra map[int32]part, done int64) error {
	from := int64(b.at.Parts) * b.at.PartSize
	if from >= it.file.Size {
		return nil
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r, err := b.task.Store.OpenRange(ctx, it.file.Digest, from, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	b.run.Ahead(partsAtOnce * b.at.PartSize)
	s := &sending{
		batch: b, it: it, u: u, extra: extra, done: done,
		r: r, next: int32(b.at.Parts + 1), sent: map[int32]part{},
	}
	var wg sync.WaitGroup
	for range partsAtOnce {
		wg.Go(func() {
			if err := s.work(ctx); err != nil {
				stop(err)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// work sends one part after the other.
func (s *sending) work(ctx context.Context) error {
	buf := make([]byte, s.at.PartSize)
	for ctx.Err() == nil {
		n, data, err := s.read(buf)
		if err != nil || data == nil {
			return err
		}
		p, err := s.send(ctx, n, data)
		if err != nil {
			return err
		}
		if err := s.note(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// read reads the next part into buf. There is none when it returns no data.
func (s *sending) read(buf []byte) (n int32, data []byte, err error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	left := s.it.file.Size - int64(s.next-1)*int64(len(buf))
	if left <= 0 {
		return 0, nil, nil
	}
	data = buf[:min(left, int64(len(buf)))]
	if _, err = io.ReadFull(s.r, data); err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errSize(s.it)
	}
	n = s.next
	s.next++
	return n, data, err
}

// send sends a part, unless the store has it.
func (s *sending) send(ctx context.Context, n int32, data []byte) (part, error) {
	hash := sha256.Sum256(data)
	p := part{number: n, size: int64(len(data)), sum: base64.StdEncoding.EncodeToString(hash[:])}
	if x := s.extra[n]; x.sum == p.sum && x.size == p.size {
		return x, nil
	}
	err := s.store.change(ctx, s.store.idle, "send a part of", s.it.key, func(ctx context.Context, pulse *pulse) error {
		out, err := s.store.s3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &s.bucket, Key: &s.u.key, UploadId: &s.u.id, PartNumber: &n,
			Body: pulse.body(data), ContentLength: aws.Int64(p.size), ChecksumSHA256: &p.sum,
		}, unsigned)
		if err == nil {
			p.etag = aws.ToString(out.ETag)
		}
		return err
	})
	return p, err
}

// note takes a part that the store has into the place, with those after it that
// came earlier.
func (s *sending) note(ctx context.Context, p part) error {
	s.noting.Lock()
	defer s.noting.Unlock()
	s.sent[p.number] = p
	for {
		p, ok := s.sent[int32(s.at.Parts+1)]
		if !ok {
			break
		}
		delete(s.sent, p.number)
		if err := s.at.add(p.sum, p.etag); err != nil {
			return fault.From(err)
		}
	}
	done := s.done + min(int64(s.at.Parts)*s.at.PartSize, s.it.file.Size)
	s.reach(done)
	return s.run.Offer(ctx, done, s.total)
}
