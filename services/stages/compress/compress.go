// Package compress is the stage that compresses files with zstd.
//
// A file is cut into frames of 4 MiB of its content that are compressed
// independently and written one after the other, which every zstd program reads
// as one file. The cuts depend on nothing but the content, so that the output
// does, too; and all processors work on one file.
//
// All tasks of the stage together compress a bounded number of frames at once,
// and so take a bounded amount of memory: about 16 MiB for each frame.
package compress

import (
	"context"
	"io"
	"runtime"
	"strconv"
	"sync"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/stage"
)

// Options tunes the stage. The zero value is right for almost all programs.
type Options struct {
	// Frames is how many frames are compressed at once by all tasks together.
	// Zero means one more than there are processors, at most 5.
	Frames int
}

// New returns the stage compress@1.
func New(o Options) stage.Stage {
	if o.Frames <= 0 {
		o.Frames = min(runtime.GOMAXPROCS(0), 4) + 1
	}
	c := &compressor{spec: spec(), slots: make(chan struct{}, o.Frames), levels: map[string]*level{}}
	for name, speed := range speeds {
		c.levels[name] = &level{speed: speed}
	}
	return c
}

type compressor struct {
	spec   stage.Spec
	slots  chan struct{} // one token for each frame being compressed
	levels map[string]*level
	frames sync.Pool // idle frames with buffers of full size
}

func (c *compressor) Spec() stage.Spec { return c.spec }

// Run compresses each file.
func (c *compressor) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	cfg := config{Level: "default"}
	if err := t.Config(&cfg); err != nil {
		return stage.Result{}, err
	}
	meter := t.Meter(stage.Size(files))
	var res stage.Result
	for _, f := range files {
		made, err := c.compress(ctx, t, c.levels[cfg.Level], f, meter)
		if err != nil {
			return stage.Result{}, err
		}
		res.Files = append(res.Files, made)
	}
	res.Findings = findings(stage.Size(files), stage.Size(res.Files))
	return res, nil
}

// compress stores the compressed content of f.
func (c *compressor) compress(
	ctx context.Context, t *stage.Task, l *level, f events.File, m *stage.Meter,
) (events.File, error) {
	r, err := t.Store.Open(ctx, f.Digest)
	if err != nil {
		return events.File{}, err
	}
	defer r.Close()
	w := t.Store.Create(ctx, &artifact.PutOptions{Name: nameOf(f.Name), MediaType: "application/zstd"})
	defer w.Abort()
	if err := c.stream(ctx, l, w, m.Reader(ctx, r), r.Size()); err != nil {
		return events.File{}, err
	}
	return w.Commit()
}

// stream writes what r yields to w, compressed. size is how much that is.
func (c *compressor) stream(
	ctx context.Context, l *level, w io.Writer, r io.Reader, size int64,
) error {
	q := &queue{c: c, l: l, w: w}
	defer q.abandon()
	for left := size; ; left -= frameSize {
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

// findings says what was gained.
func findings(before, after int64) map[string]string {
	ratio := 1.0
	if after > 0 {
		ratio = float64(before) / float64(after)
	}
	return map[string]string{
		"bytes_in":  strconv.FormatInt(before, 10),
		"bytes_out": strconv.FormatInt(after, 10),
		"ratio":     strconv.FormatFloat(ratio, 'f', 2, 64),
	}
}
