package fetch

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/stage"
)

const (
	// offerEvery is how many bytes are moved between two offers. Chunks of the store
	// are a multiple of it, so that places lie at their ends, where they cost least.
	offerEvery = 256 << 10
	// offerLate is after how many an offer waits for a file that is made durable.
	offerLate = 1 << 20
)

// book knows how far all sources are, and offers that as a place to resume from.
type book struct {
	sources []wanted
	run     *checkpoint.Run
	tally   *tally
	// create makes a content that the run knows by key, or by none.
	create func(key string, o *artifact.PutOptions) (*artifact.Writer, error)
	// begun is what was secure when the attempt began, since what was moved since
	// the last offer.
	begun int64
	since atomic.Int64
	// commits is how many files are being made durable, which can take long.
	commits atomic.Int32
	// broken says that the store has lost an output: what was saved last is better
	// than anything that could be now.
	broken atomic.Bool

	// still is held for reading by whoever writes to an output or changes what
	// is below, and for writing while a place is offered.
	still sync.RWMutex
	mu    sync.Mutex // guards what is below
	state state
	files map[int]events.File
	open  map[int]*output
}

// openBook finds out where the attempt goes on. The book must be closed.
func openBook(ctx context.Context, t *stage.Task, sources []wanted) (*book, error) {
	b := &book{
		sources: sources, tally: newTally(t, sources), open: map[int]*output{},
	}
	run, err := t.Resume(ctx, stateVersion, &b.state)
	if err != nil {
		return nil, err
	}
	b.run = run
	b.create = func(key string, o *artifact.PutOptions) (*artifact.Writer, error) {
		if key == "" {
			return t.Store.Create(ctx, o), nil
		}
		return run.Output(ctx, key, o)
	}
	b.files = b.state.kept(sources)
	present := int64(0)
	for i, f := range b.files {
		b.tally.size(i, f.Size)
		present += f.Size
	}
	for _, p := range b.state.Open {
		n, err := b.reopen(p)
		if err != nil {
			b.close()
			return nil, err
		}
		present += n
	}
	b.tally.resume(run.Done(), present)
	b.begun, _ = b.tally.offer()
	return b, nil
}

// reopen opens the output of a place that was saved, and returns how much is there.
func (b *book) reopen(p place) (int64, error) {
	_, done := b.files[p.Index]
	_, twice := b.open[p.Index]
	if p.Index < 0 || p.Index >= len(b.sources) || done || twice || !p.resumable() {
		return 0, nil
	}
	o := &output{book: b, place: p}
	var err error
	if o.w, err = b.create(p.key(), o.options()); err != nil {
		return 0, err
	}
	b.open[p.Index] = o
	if p.Total > 0 {
		b.tally.size(p.Index, p.Total)
	}
	return o.size(), nil
}

// order returns the sources in the order in which they are fetched: first those
// that were begun.
func (b *book) order() []int {
	all := make([]int, len(b.sources))
	for i := range all {
		all[i] = i
	}
	slices.SortStableFunc(all, func(x, y int) int {
		return cmp.Compare(b.rank(x), b.rank(y))
	})
	return all
}

func (b *book) rank(i int) int {
	if b.open[i] != nil {
		return 0
	}
	return 1
}

// file returns the file of a source, if it is complete.
func (b *book) file(i int) (events.File, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, ok := b.files[i]
	return f, ok
}

// keep notes a file that is complete. counted says that its bytes are secure
// already.
func (b *book) keep(ctx context.Context, i int, f events.File, counted bool) error {
	b.still.RLock()
	b.note(i, f, counted)
	b.still.RUnlock()
	return b.due(ctx, f.Size)
}

// note is keep for whoever holds still.
func (b *book) note(i int, f events.File, counted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, i)
	b.tally.size(i, f.Size)
	if b.state.keep(i, f, b.sources[i].MediaType != "") && !counted {
		b.tally.settle(f.Size)
	}
	b.files[i] = f
}

// due offers a place when enough was done.
func (b *book) due(ctx context.Context, n int64) error {
	switch since := b.since.Add(n); {
	case since < offerEvery:
		return nil
	case since < offerLate && b.commits.Load() > 0:
		return nil
	}
	b.still.Lock()
	defer b.still.Unlock()
	if b.broken.Load() {
		return nil
	}
	b.since.Store(0)
	done, total := b.ready()
	return b.run.Offer(ctx, done, total)
}

// ready makes the state what is true now, which holds as long as still is held.
func (b *book) ready() (done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.Open = nil
	for _, o := range b.open {
		if o.place.resumable() {
			b.state.Open = append(b.state.Open, o.place)
		}
	}
	slices.SortFunc(b.state.Open, func(x, y place) int { return cmp.Compare(x.Index, y.Index) })
	return b.tally.offer()
}

// leave saves how far an attempt came that fails, so that one that is made of
// short transfers gets on. That it could not is no other failure.
func (b *book) leave(ctx context.Context) {
	b.still.Lock()
	defer b.still.Unlock()
	done, total := b.ready()
	if ctx.Err() == nil && !b.broken.Load() && done-b.begun >= offerEvery {
		_ = b.run.Save(ctx, done, total) // the failure that made it leave counts
	}
}

// close ends the outputs that are open. Nobody uses the book any more.
func (b *book) close() {
	for _, o := range b.open {
		o.w.Abort()
	}
}
