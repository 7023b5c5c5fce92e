package hash

import (
	"context"
	"encoding/hex"
	"fmt"
	stdhash "hash"
	"io"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/stage"
)

// stateVersion is that of [state].
const stateVersion = 1

// offerEvery is how many bytes are hashed between two offers.
const offerEvery = 256 << 10

// state is what a later attempt has to know. The lists of sums are outputs of
// their own, so that it is small however many files there are.
type state struct {
	// File is the file that is being read, and Read how much of it was.
	File int   `json:"file"`
	Read int64 `json:"read"`
	// Hashes are the algorithms after that, by name, in the form in which the
	// standard library saves them.
	Hashes map[string][]byte `json:"hashes,omitempty"`
	// Sums are the checksums of the files before, those of one after the other,
	// unless they are too many to be reported.
	Sums []string `json:"sums,omitempty"`
}

// reading is one attempt.
type reading struct {
	task  *stage.Task
	run   *checkpoint.Run
	meter *stage.Meter
	total int64
	files []events.File
	names []string
	state state
	// hashes are those of the file at hand, by algorithm.
	hashes map[string]stdhash.Hash
	lists  []*artifact.Writer
}

// resume finds out where the attempt goes on, and opens the lists there.
func resume(ctx context.Context, t *stage.Task, files []events.File, c config) (*reading, error) {
	r := &reading{task: t, files: files, names: c.Algorithms}
	run, err := t.Resume(ctx, stateVersion, &r.state)
	if err != nil {
		return nil, err
	}
	r.run = run
	if c.Sums {
		err = r.open(ctx)
	}
	if err == nil && !r.plausible() {
		r.say("the step starts over", "reason", "the state and the lists do not fit together")
		r.close()
		r.state, r.lists = state{}, nil
		if c.Sums {
			err = r.open(ctx) // what was open before is not any more
		}
	}
	if err != nil {
		r.close()
		return nil, err
	}
	r.restore()
	// What has to be read once more is added to what there is to read.
	again := max(run.Done()-r.done(), 0)
	r.total = stage.Size(files) + again
	r.meter = t.Meter(r.total)
	if done := r.done() + again; done > 0 {
		r.meter.Add(done)
	}
	return r, nil
}

// open opens the lists where they were.
func (r *reading) open(ctx context.Context) error {
	for _, name := range r.names {
		list := strings.ToUpper(name) + "SUMS"
		w, err := r.run.Output(ctx, list, &artifact.PutOptions{Name: list, MediaType: "text/plain"})
		if err != nil {
			return err
		}
		r.lists = append(r.lists, w)
	}
	return nil
}

// done is how far the state is.
func (r *reading) done() int64 { return stage.Size(r.files[:r.state.File]) + r.state.Read }

// restore makes the hashes what they were at the place of the state, or goes back
// to the start of the file when they cannot be restored.
func (r *reading) restore() {
	if r.state.Read == 0 {
		return
	}
	var err error
	if r.hashes, err = loadHashes(r.names, r.state.Hashes, r.state.Read); err != nil {
		r.say("a file starts over", "file", r.state.File, "error", err)
		r.state.Read, r.hashes = 0, nil
	}
}

// say logs what becomes of a place that was saved.
func (r *reading) say(what string, args ...any) {
	if r.task.Log != nil {
		r.task.Log.Info(what, args...)
	}
}

// close drops lists that were not committed.
func (r *reading) close() {
	for _, w := range r.lists {
		w.Abort()
	}
}

// file reads the rest of the file at hand.
//
// The store checks each block of the content against the SHA-256 that names it
// before it hands the block out. A file that was read to its end therefore has
// that SHA-256, and computing it here again would prove nothing more.
func (r *reading) file(ctx context.Context) error {
	f := r.files[r.state.File]
	if r.hashes == nil {
		r.hashes = newHashes(r.names)
	}
	content, err := r.task.Store.OpenRange(ctx, f.Digest, r.state.Read, -1)
	if err != nil {
		return err
	}
	defer content.Close()
	if _, err := io.Copy(offering{r, ctx}, content); err != nil {
		return err
	}
	return r.next(ctx, f)
}

// few reports whether the sums are few enough to be reported.
func (r *reading) few() bool { return len(r.names)*len(r.files) <= maxSums }

// next notes the sums of f, which was read, and goes to the next file.
func (r *reading) next(ctx context.Context, f events.File) error {
	for i, name := range r.names {
		sum := strings.TrimPrefix(f.Digest, "sha256:")
		if h := r.hashes[name]; h != nil {
			sum = hex.EncodeToString(h.Sum(nil))
		}
		if r.few() {
			r.state.Sums = append(r.state.Sums, sum)
		}
		if len(r.lists) > 0 {
			if _, err := fmt.Fprintf(r.lists[i], "%s  %s\n", sum, f.Name); err != nil {
				return err
			}
		}
	}
	r.hashes = nil
	r.state.File++
	r.state.Read = 0
	return r.offer(ctx)
}

// offer offers the place at hand.
func (r *reading) offer(ctx context.Context) error {
	var err error
	if r.state.Hashes, err = saveHashes(r.hashes); err != nil {
		return err
	}
	return r.run.Offer(ctx, r.meter.Done(), r.total)
}

// commit stores the lists.
func (r *reading) commit() ([]events.File, error) {
	var files []events.File
	for _, w := range r.lists {
		f, err := w.Commit()
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// offering hashes what is written to it, and offers places to resume from.
type offering struct {
	r   *reading
	ctx context.Context // of one attempt, as long as the file
}

func (o offering) Write(p []byte) (int, error) {
	r := o.r
	for rest := p; len(rest) > 0; {
		if o.ctx.Err() != nil {
			return len(p) - len(rest), context.Cause(o.ctx)
		}
		part := rest[:min(len(rest), offerEvery)]
		rest = rest[len(part):]
		for _, h := range r.hashes {
			h.Write(part) // never fails
		}
		r.state.Read += int64(len(part))
		r.meter.Add(int64(len(part)))
		if err := r.offer(o.ctx); err != nil {
			return len(p) - len(rest), err
		}
	}
	return len(p), nil
}
