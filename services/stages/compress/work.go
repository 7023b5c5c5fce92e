package compress

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// work is one attempt.
type work struct {
	c     *compressor
	t     *stage.Task
	run   *checkpoint.Run
	level *level
	meter *stage.Meter
	at    *place
	// base is the size of the inputs that are done, of total.
	base, total int64
}

// compress stores the compressed content of f, the input with number i, from the
// place on.
func (w *work) compress(ctx context.Context, i int, f events.File) error {
	size, err := w.t.Store.Stat(ctx, f.Digest)
	if err != nil {
		return err
	}
	r, err := w.t.Store.OpenRange(ctx, f.Digest, w.at.Read, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := w.run.Output(ctx, strconv.Itoa(i), &artifact.PutOptions{Name: nameOf(f.Name), MediaType: mediaType})
	if err != nil {
		return err
	}
	defer out.Abort()
	if out.Size() != w.at.Wrote {
		return fault.New(fault.InternalBug, fmt.Sprintf("output %d is resumed at byte %d and not %d", i, out.Size(), w.at.Wrote), nil)
	}
	if err := w.stream(ctx, out, w.meter.Reader(ctx, r), size); err != nil {
		return err
	}
	made, err := out.Commit()
	if err != nil {
		return err
	}
	w.at.Read, w.at.Wrote = 0, 0
	return w.at.Done.Add(made)
}

// stream writes what r yields to out, compressed. Of size bytes of content r
// lacks those before the place.
func (w *work) stream(ctx context.Context, out *artifact.Writer, r io.Reader, size int64) error {
	if w.at.Read == size && size > 0 {
		return nil // all frames were written before
	}
	q := &queue{c: w.c, l: w.level, w: out, written: func(content int64) error {
		w.at.Read += content
		w.at.Wrote = out.Size()
		return w.offer(ctx)
	}}
	defer q.abandon()
	for left := size - w.at.Read; ; left -= frameSize {
		f, err := q.next(ctx, min(left, frameSize))
		if err != nil {
			return err
		}
		if _, err := io.ReadFull(r, f.in); err != nil {
			q.put(f)
			return err
		}
		q.start(f)
		if left <= frameSize {
			return q.flush()
		}
	}
}

// offer says where the work is. The frame of an empty file is no place, because
// that says nothing of it.
func (w *work) offer(ctx context.Context) error {
	if w.at.Read == 0 {
		return nil
	}
	return w.run.Offer(ctx, w.base+w.at.Read, w.total)
}
