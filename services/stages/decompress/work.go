package decompress

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/klauspost/compress/zstd"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Small frames are unpacked together: a place is offered after so many bytes of
// input or of output, at the next end of a frame.
const (
	offerInput  = 128 << 10
	offerOutput = 1 << 20
)

// work is one attempt.
type work struct {
	d     *decompressor
	t     *stage.Task
	run   *checkpoint.Run
	c     config
	meter *stage.Meter
	at    *place
	// base is the size of the inputs that are done, of total.
	base, total int64
}

// unpack stores the unpacked content of f, the input with number i, from the place
// on.
func (w *work) unpack(ctx context.Context, i int, f events.File) error {
	size, err := w.t.Store.Stat(ctx, f.Digest)
	if err != nil {
		return err
	}
	if size == 0 {
		return fault.New(fault.DecompressCorrupt, f.Name+" is empty", nil)
	}
	r, err := w.t.Store.OpenRange(ctx, f.Digest, w.at.Read, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	out, err := w.run.Output(ctx, strconv.Itoa(i), &artifact.PutOptions{Name: nameOf(f.Name)})
	if err != nil {
		return err
	}
	defer out.Abort()
	if out.Size() != w.at.Wrote {
		return fault.New(fault.InternalBug, fmt.Sprintf("output %d is resumed at byte %d and not %d", i, out.Size(), w.at.Wrote), nil)
	}
	in := &source{r: w.meter.Reader(ctx, r)}
	if err := w.frames(ctx, f, in, out, w.c.limit(size)); err != nil {
		return err
	}
	made, err := out.Commit()
	if err != nil {
		return err
	}
	w.at.Read, w.at.Wrote = 0, 0
	return w.at.Done.Add(made)
}

// frames writes to out what in unpacks to, in parts that are whole frames.
func (w *work) frames(ctx context.Context, f events.File, in *source, out *artifact.Writer, limit int64) error {
	part := &walker{r: bufio.NewReaderSize(in, 64<<10)}
	part.full = func() bool {
		return part.read >= offerInput || out.Size()-w.at.Wrote >= offerOutput
	}
	dec, err := w.d.decoder()
	if err != nil {
		return verdict(f, in, err)
	}
	defer w.d.giveBack(dec)
	content := &limited{r: dec, done: out.Size(), limit: limit}
	for part.more() {
		if err := w.part(dec, part, content, out); err != nil {
			if content.err == nil {
				return err
			}
			return verdict(f, in, content.err)
		}
		w.at.Read, w.at.Wrote = w.at.Read+part.read, out.Size()
		if err := w.run.Offer(ctx, w.base+w.at.Read, w.total); err != nil {
			return err
		}
	}
	return in.err
}

// part unpacks the next frames.
func (w *work) part(dec *zstd.Decoder, part *walker, content *limited, out io.ReaderFrom) error {
	part.begin()
	if content.err = dec.Reset(part); content.err != nil {
		return content.err
	}
	_, err := out.ReadFrom(content)
	return err
}
