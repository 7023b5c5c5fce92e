package fetch

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// atOnce is how many sources of a task are fetched at once.
const atOnce = 4

// fetching is one attempt.
type fetching struct {
	*fetcher
	task   *stage.Task
	config config
	book   *book
}

// all fetches some sources at a time, until one fails.
func (g *fetching) all(outer context.Context) ([]events.File, error) {
	ctx, stop := context.WithCancelCause(outer)
	defer stop(nil)
	order := g.book.order()
	files := make([]events.File, len(order))
	var next atomic.Int64
	var wg sync.WaitGroup
	work := func() {
		buf := make([]byte, offerEvery)
		for ctx.Err() == nil {
			n := int(next.Add(1)) - 1
			if n >= len(order) {
				return
			}
			f, err := g.one(ctx, order[n], buf)
			if err != nil {
				stop(about(order[n], len(order), err))
				return
			}
			files[order[n]] = f
		}
	}
	for range min(atOnce, len(order)) {
		wg.Go(work)
	}
	wg.Wait()
	if ctx.Err() != nil {
		g.book.leave(outer)
		return nil, context.Cause(ctx)
	}
	return files, nil
}

// one fetches one source. A file that was put together and is not the one that is
// wanted is fetched once more, in one piece.
func (g *fetching) one(ctx context.Context, i int, buf []byte) (events.File, error) {
	if f, ok := g.book.file(i); ok {
		_, err := g.task.Store.Stat(ctx, f.Digest)
		if !fault.Has(err, fault.ArtifactNotFound) && !fault.Has(err, fault.ArtifactCorrupt) {
			return f, err
		}
		g.book.forget(i, f.Size)
	}
	f, continued, err := g.content(ctx, i, false, buf)
	if continued && fault.Has(err, fault.FetchMismatch) {
		g.note("source starts over", "source", g.book.sources[i].name, "reason", "it is not what is expected")
		f, _, err = g.content(ctx, i, true, buf)
	}
	return f, err
}

func (g *fetching) content(
	ctx context.Context, i int, plain bool, buf []byte,
) (f events.File, continued bool, err error) {
	switch w := &g.book.sources[i]; {
	case w.Digest != "":
		f, err = g.held(ctx, w)
		return f, false, err
	case w.url == nil:
		f, err = g.inline(ctx, i, w)
		return f, false, err
	case w.url.Scheme == "file":
		return g.local(ctx, i, buf)
	}
	return g.remote(ctx, i, plain, buf)
}

// inline stores what came with the submission.
func (g *fetching) inline(ctx context.Context, i int, w *wanted) (events.File, error) {
	if limit := int64(g.config.MaxBytes); limit > 0 && int64(len(w.Inline)) > limit {
		return events.File{}, fault.New(fault.FetchTooLarge, w.name, nil)
	}
	f, err := g.task.Store.Put(ctx, bytes.NewReader(w.Inline), w.options(""))
	if err == nil {
		err = w.check(f)
	}
	if err != nil {
		return f, err
	}
	g.book.tally.move(f.Size, false)
	return f, g.book.keep(ctx, i, f, false)
}

// held passes on what the store already has.
func (g *fetching) held(ctx context.Context, w *wanted) (events.File, error) {
	size, err := g.task.Store.Stat(ctx, w.Digest)
	if err != nil {
		return events.File{}, err
	}
	if limit := int64(g.config.MaxBytes); limit > 0 && size > limit {
		return events.File{}, fault.New(fault.FetchTooLarge, w.name, nil)
	}
	f := events.File{Name: w.name, Digest: w.Digest, Size: size, MediaType: w.MediaType}
	return f, w.check(f)
}

// note logs what becomes of a source.
func (g *fetching) note(what string, args ...any) {
	if g.task.Log != nil {
		g.task.Log.Info(what, args...)
	}
}
