package fetch

import (
	"context"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
)

// output is the content of a source that is being fetched. It is used by one
// goroutine, beside which another may offer.
type output struct {
	book  *book
	place place
	w     *artifact.Writer
}

// output returns the content of a source that was begun, or nil.
func (b *book) output(i int) *output {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open[i]
}

// begin begins the content of a source. One that was begun before is dropped.
func (b *book) begin(p place) (*output, error) {
	b.still.RLock()
	defer b.still.RUnlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.open[p.Index]; old != nil {
		old.w.Abort()
		b.tally.drop(old.size())
		delete(b.open, p.Index)
	}
	o := &output{book: b, place: p}
	key := ""
	if p.resumable() {
		key = p.key()
	}
	var err error
	if o.w, err = b.create(key, o.options()); err != nil {
		return nil, err
	}
	b.open[p.Index] = o
	if p.Total > 0 {
		b.tally.size(p.Index, p.Total)
	}
	return o, nil
}

func (o *output) options() *artifact.PutOptions {
	return o.book.sources[o.place.Index].options(o.place.Type)
}

// size is how much of the content there is. Of no content there is nothing.
func (o *output) size() int64 {
	if o == nil {
		return 0
	}
	return o.w.Size()
}

// resumable reports whether the rest can be asked for.
func (o *output) resumable() bool { return o != nil && o.size() > 0 && o.place.resumable() }

// complete reports whether all of a content of known length is there.
func (o *output) complete() bool {
	return o != nil && o.place.Total > 0 && o.size() == o.place.Total
}

// room returns as much of a buffer as may be written at once.
func (o *output) room(buf []byte) []byte { return buf[:offerEvery-o.size()%offerEvery] }

// write appends p.
func (o *output) write(ctx context.Context, p []byte) error {
	b := o.book
	b.still.RLock()
	_, err := o.w.Write(p)
	if err == nil {
		b.tally.move(int64(len(p)), o.place.resumable())
	} else {
		b.broken.Store(true)
	}
	b.still.RUnlock()
	if err != nil || !o.place.resumable() {
		return err
	}
	return b.due(ctx, int64(len(p)))
}

// learn notes how long the content is.
func (o *output) learn(total int64) {
	o.book.still.RLock()
	defer o.book.still.RUnlock()
	o.book.mu.Lock()
	defer o.book.mu.Unlock()
	o.place.Total = total
	o.book.tally.size(o.place.Index, total)
}

// commit makes the content a file. One that check refuses is forgotten.
func (o *output) commit(ctx context.Context, check func(events.File) error) (events.File, error) {
	b, i := o.book, o.place.Index
	b.commits.Add(1)
	b.still.RLock()
	f, err := o.w.Commit()
	b.commits.Add(-1)
	if err != nil {
		b.broken.Store(true)
	} else if err = check(f); err != nil {
		b.forget(i, o.size())
	} else {
		b.note(i, f, o.place.resumable())
	}
	b.still.RUnlock()
	if err != nil {
		return f, err
	}
	return f, b.due(ctx, 0)
}

// forget notes that n bytes of a source have to be fetched again.
func (b *book) forget(i int, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, i)
	delete(b.files, i)
	b.tally.drop(n)
}
