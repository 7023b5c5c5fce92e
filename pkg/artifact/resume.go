package artifact

import (
	"context"
	"encoding/json"

	"github.com/millrace/millrace/pkg/fault"
)

// State is where a writer was: with what the store holds, enough to go on
// writing. It is JSON of at most 40 KiB, whatever the size of the content, and
// means nothing to anybody but [Store.Resume].
type State = json.RawMessage

// Mark is a place in the content of a [Writer] that is on its way to be durable.
type Mark struct{}

// Mark notes the place after everything written so far, without waiting for it
// to be stored; [Mark.Wait] does that. The writer may be used meanwhile, also
// committed. Bytes beyond the last whole chunk, see [Writer.Tail], are stored
// once more than without a mark.
func (w *Writer) Mark() *Mark { return &Mark{} }

// Wait returns when everything before the mark is durable. It may be called by
// another goroutine than the writer's, once. Faults: those of Write, of a store
// that failed, and internal.bug for a writer that was aborted.
func (m *Mark) Wait(context.Context) (State, error) {
	return nil, fault.New(fault.InternalBug, "marks are not built yet", nil)
}

// Size is how many bytes were written so far, counting those of a resumed
// writer's state.
func (w *Writer) Size() int64 { return w.size }

// Tail is how many of the bytes written lie beyond the last whole chunk.
func (w *Writer) Tail() int64 { return w.size % w.s.sizes.chunk }

// Ended reports whether the writer was committed or aborted.
func (w *Writer) Ended() bool { return w.done }

// Resume returns a writer that goes on where the state was taken: [Writer.Size]
// tells where that is. What it commits is the same as if it had never been
// interrupted. Nil options mean the zero PutOptions. A state may be resumed any
// number of times, also by several writers at once.
//
// Faults: artifact.bad_state for what is no state, or of a store with another
// chunk size; artifact.not_found and artifact.corrupt when what the state speaks
// of is gone or damaged: the content must then be written from the start.
func (s *Store) Resume(context.Context, State, *PutOptions) (*Writer, error) {
	return nil, fault.New(fault.ArtifactBadState, "", nil)
}
