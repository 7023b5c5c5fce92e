package bus

import (
	"context"
)

// Scan says which messages of a stream to read.
type Scan struct {
	Stream string
	// Filters are subjects, with wildcards, that must not overlap. None means all.
	Filters []string
	// From is the first sequence to read. Zero means from the start.
	From uint64
	// LastPerSubject reads only the last message of each subject. From is then
	// not used.
	LastPerSubject bool
	// HeadersOnly leaves the data out.
	HeadersOnly bool
	// Follow goes on with what is stored later, until ctx ends.
	Follow bool
}

// Scan calls fn for each message, in the order of the stream and without gaps.
// Without Follow it returns nil after what was there when it began. It returns
// the error of fn, or that of ctx. It survives reconnects.
// Faults: bus.not_found, bus.timeout.
func (c *Conn) Scan(ctx context.Context, s Scan, fn func(*Message) error) error {
	return c.scan(ctx, s, fn)
}
