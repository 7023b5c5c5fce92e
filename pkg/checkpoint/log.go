package checkpoint

import "context"

// Key names a log of records: the checkpoint chain of a step, or, with an effect,
// what is known of that.
type Key struct {
	Tenant, Job, Step string
	// Effect is the id of an effect, see events.EffectID. Empty means the chain.
	Effect string
}

// Entry is one stored record.
type Entry struct {
	// Position orders the records of a log. It is never zero.
	Position uint64
	Data     []byte
}

// Log keeps the newest few records under each key, at least 3. It is safe for
// concurrent use, also by several processes.
type Log interface {
	// Append stores a record, durably, if the newest record of the key is the one
	// at position after; zero means that there is none. It returns the position.
	// The fault is checkpoint.overtaken when somebody else has written since. A
	// write of one's own whose answer was lost is not taken for somebody else's.
	// Any other fault leaves open whether the record was stored.
	Append(ctx context.Context, k Key, after uint64, data []byte) (uint64, error)
	// Last returns the newest record. The fault is checkpoint.none when there is
	// none.
	Last(ctx context.Context, k Key) (Entry, error)
	// Kept returns the records that are kept, oldest first; there may be none.
	Kept(ctx context.Context, k Key) ([]Entry, error)
}
