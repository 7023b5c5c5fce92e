package checkpoint

import (
	"context"
	"encoding/json"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// maxKey is how long the name of an output may be, in bytes.
const maxKey = 128

// Run is the work of one attempt. Its methods may be called by several
// goroutines; the state that Resume was given must not change while Offer or Save
// is called, and outputs must not be written to.
type Run struct {
	c       *Chain
	version int
	state   any
	resumed int64 // how far the work was where it goes on

	mu sync.Mutex
	// open are the writers by the stage's names for them, and kept the outputs of
	// the place where the work goes on that the stage has not asked for yet: they
	// belong to every further place.
	open map[string]*artifact.Writer
	kept map[string]json.RawMessage
	// done and last are where and when a place was last taken to be saved, seen
	// what was last offered, and stride the most between two offers since.
	done, seen, stride int64
	last               time.Time
	// ahead is what the stage reads beyond what it offers, in bytes.
	ahead int64
	// retry says that the last save failed; broken is what Offer returns for it.
	retry  bool
	broken error
	flight *flight // nil when nothing is being saved
}

// Done returns how far the work was at the place where it goes on, in bytes, as
// it was last offered. Zero means the start.
func (r *Run) Done() int64 { return r.resumed }

// Output returns the writer of the content that the stage calls key: at the place
// where it was, if it was open there, and otherwise a new one. The stage commits
// or aborts it; after that the key may be used for another. The content belongs
// to ctx, as with artifact.Store.Create. Nil options mean the zero PutOptions.
//
// Faults: checkpoint.bad_key for a key that is not 1 to 128 bytes, or that names
// a writer that is open; those of artifact.Store.Resume, which are transient here:
// the next attempt goes on at a place before.
func (r *Run) Output(ctx context.Context, key string, o *artifact.PutOptions) (*artifact.Writer, error) {
	if len(key) == 0 || len(key) > maxKey {
		return nil, fault.New(fault.CheckpointBadKey, "output of "+strconv.Itoa(len(key))+" bytes", nil)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.c.failed(); err != nil {
		return nil, err
	}
	if w := r.open[key]; w != nil && !w.Ended() {
		return nil, fault.New(fault.CheckpointBadKey, "output "+strconv.Quote(key)+" is open", nil)
	}
	if r.c.o.Store == nil {
		return nil, fault.New(fault.InternalBug, "output "+strconv.Quote(key)+" without a store", nil)
	}
	w, err := r.writer(ctx, key, o)
	if err != nil {
		return nil, err
	}
	if r.open == nil {
		r.open = make(map[string]*artifact.Writer)
	}
	r.open[key] = w
	return w, nil
}

// writer opens an output.
func (r *Run) writer(ctx context.Context, key string, o *artifact.PutOptions) (*artifact.Writer, error) {
	state, ok := r.kept[key]
	if !ok {
		return r.c.o.Store.Create(ctx, o), nil
	}
	w, err := r.c.o.Store.Resume(ctx, state, o)
	if err != nil {
		f := *fault.From(err)
		if isLost(err) {
			f.Override = fault.Transient
		}
		return nil, &f
	}
	delete(r.kept, key)
	return w, nil
}

// forget drops outputs that have ended.
func (r *Run) forget() {
	maps.DeleteFunc(r.open, func(_ string, w *artifact.Writer) bool { return w.Ended() })
}
