// Package decompress is the stage that unpacks files compressed with zstd. What
// comes out is limited, in bytes and in proportion to what goes in, because a
// small file can unpack to a disk full of zeros.
//
// Frames of a file unpack independently, so the end of each is a place to go on
// from. Within a frame there is none:
//
//	crash                            cost
//	within a frame                   that frame and those since the last checkpoint, again
//	in a file of one frame           the file, from its start
//	after Commit, before a place     the frames since the last checkpoint, again
//
// The limits count from the start of a file, wherever an attempt begins.
package decompress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/outputs"
)

// Limits of a file unless the step says otherwise.
const (
	defaultMaxBytes = 16 << 30
	defaultMaxRatio = 1000
	// ratioFloor is what may come out whatever goes in.
	ratioFloor = 16 << 20
	// maxWindow is the most memory that a file may demand for being unpacked.
	maxWindow = 32 << 20
)

// New returns the stage decompress@1.
func New() stage.Stage { return &decompressor{spec: spec()} }

type decompressor struct {
	spec     stage.Spec
	decoders sync.Pool
}

func (d *decompressor) Spec() stage.Spec { return d.spec }

// place is what an attempt has to know to go on.
type place struct {
	// Done is the outputs that are finished, one for each of the first inputs.
	Done outputs.List
	// Read is how much of the next input is in the output, up to the end of a
	// frame, and Wrote how large that is.
	Read, Wrote int64
}

// Run unpacks each file.
func (d *decompressor) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	c := config{MaxBytes: defaultMaxBytes, MaxRatio: defaultMaxRatio}
	if err := t.Config(&c); err != nil {
		return stage.Result{}, err
	}
	var at place
	run, err := t.Resume(ctx, 1, &at)
	if err != nil {
		return stage.Result{}, err
	}
	meter := t.Meter(stage.Size(files))
	meter.Add(run.Done())
	w := &work{d: d, t: t, run: run, c: c, meter: meter, at: &at, total: stage.Size(files)}
	for i, f := range files {
		if i >= at.Done.Len() {
			if err := w.unpack(ctx, i, f); err != nil {
				return stage.Result{}, err
			}
		}
		w.base += f.Size
	}
	var res stage.Result
	for i, f := range files {
		made, _ := at.Done.File(i)
		made.Name = nameOf(f.Name)
		res.Files = append(res.Files, made)
	}
	res.Findings = map[string]string{
		"bytes_in":  strconv.FormatInt(stage.Size(files), 10),
		"bytes_out": strconv.FormatInt(stage.Size(res.Files), 10),
	}
	return res, nil
}

// limit returns how large a file may become that has size bytes.
func (c *config) limit(size int64) int64 {
	limit := int64(c.MaxBytes)
	if c.MaxRatio > 0 && size < math.MaxInt64/c.MaxRatio {
		limit = min(limit, max(size*c.MaxRatio, ratioFloor))
	}
	return limit
}

// decoder returns an idle decoder, or a new one.
func (d *decompressor) decoder() (*zstd.Decoder, error) {
	if dec, ok := d.decoders.Get().(*zstd.Decoder); ok {
		return dec, nil
	}
	return zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1), // no goroutines
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow),
		zstd.WithDecoderMaxMemory(math.MaxInt64), // limited here, in bytes that come out
	)
}

func (d *decompressor) giveBack(dec *zstd.Decoder) {
	if dec.Reset(nil) == nil {
		d.decoders.Put(dec)
	}
}

// source remembers why it failed, to tell a store that cannot be read from
// content that cannot be unpacked.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

var errTooLarge = errors.New("the limit is passed")

// limited fails when r yields more than limit bytes, and remembers why it failed.
type limited struct {
	r           io.Reader
	done, limit int64
	err         error
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.done += int64(n)
	if l.done > l.limit {
		n, err = 0, fmt.Errorf("%w: %d bytes", errTooLarge, l.limit)
	}
	if err != nil && err != io.EOF {
		l.err = err
	}
	return n, err
}

// verdict says whose fault it is that f cannot be unpacked.
func verdict(f events.File, in *source, err error) error {
	switch {
	case in.err != nil:
		return in.err
	case errors.Is(err, errTooLarge), errors.Is(err, zstd.ErrWindowSizeExceeded),
		errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fault.New(fault.DecompressTooLarge, f.Name, err)
	}
	return fault.New(fault.DecompressCorrupt, f.Name, err)
}
