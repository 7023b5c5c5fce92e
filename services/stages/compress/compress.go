// Package compress is the stage that compresses files with zstd.
//
// A file is cut into frames of 2 MiB of its content that are compressed
// independently and written one after the other, which every zstd program reads
// as one file. The cuts depend on nothing but the content, so that the output
// does, too; and all processors work on one file.
//
// A frame that is written out is a place to go on from:
//
//	crash                              cost
//	while frames are compressed        the frames since the last checkpoint, again
//	between the last frame and Commit  the same, and nothing is compressed twice
//	after Commit, before a checkpoint  the same, and the content is stored once
//
// All tasks of the stage together compress a bounded number of frames at once,
// and so take a bounded amount of memory: about 8 MiB for each frame.
package compress

import (
	"context"
	"runtime"
	"strconv"
	"sync"

	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/outputs"
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

// place is what an attempt has to know to go on.
type place struct {
	// Done is the outputs that are finished, one for each of the first inputs.
	Done outputs.List
	// Read is how much of the next input is in the output, and Wrote how large
	// that is.
	Read, Wrote int64
}

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
	var at place
	run, err := t.Resume(ctx, 1, &at)
	if err != nil {
		return stage.Result{}, err
	}
	run.Ahead(int64(cap(c.slots)) * frameSize)
	meter := t.Meter(stage.Size(files))
	meter.Add(run.Done())
	w := &work{c: c, t: t, run: run, level: c.levels[cfg.Level], meter: meter, at: &at, total: stage.Size(files)}
	for i, f := range files {
		if i >= at.Done.Len() {
			if err := w.compress(ctx, i, f); err != nil {
				return stage.Result{}, err
			}
		}
		w.base += f.Size
	}
	var res stage.Result
	for i, f := range files {
		made, _ := at.Done.File(i)
		made.Name, made.MediaType = nameOf(f.Name), mediaType
		res.Files = append(res.Files, made)
	}
	res.Findings = findings(stage.Size(files), stage.Size(res.Files))
	return res, nil
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
