package bus

import "context"

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
// the error of fn, or that of ctx. It survives reconnects: it goes on after the
// last message that fn was given. fn owns the message; it is called by one
// goroutine, and while it runs nothing more than a batch is fetched.
//
// On a cluster a replica may answer that is a moment behind the others: what was
// there is then what that replica had.
//
// LastPerSubject names the last message of each subject at the time of the
// call; after trouble on the way it may hand on others that are newer too.
//
// It cannot read the streams of work, which know consumers of work only.
//
// Faults: bus.not_found when there is no such stream, bus.bad_subscription for
// filters that overlap, bus.timeout, bus.closed, bus.unreachable.
func (c *Conn) Scan(ctx context.Context, s Scan, fn func(*Message) error) error {
	r := &scanner{conn: c, scan: s, fn: fn}
	return r.run(ctx)
}
