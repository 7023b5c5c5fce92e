package bus

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// directGet is the subject that any replica of a stream answers reads on.
const directGet = "$JS.API.DIRECT.GET."

// Last returns the last message of a stream whose subject matches filter, which
// may hold wildcards. It costs one round trip. On a cluster a replica may be a
// moment behind. Faults: bus.not_found, bus.timeout, bus.closed, bus.unreachable.
func (c *Conn) Last(ctx context.Context, stream, filter string) (*Message, error) {
	return c.direct(ctx, stream, &nats.Msg{Subject: directGet + stream + "." + filter})
}

// Get returns the message of a stream with a sequence.
// Faults: as for [Conn.Last].
func (c *Conn) Get(ctx context.Context, stream string, seq uint64) (*Message, error) {
	return c.direct(ctx, stream, &nats.Msg{
		Subject: directGet + stream,
		Data:    []byte(`{"seq":` + strconv.FormatUint(seq, 10) + `}`),
	})
}

// direct reads one message, again when the connection was lost meanwhile.
func (c *Conn) direct(ctx context.Context, stream string, ask *nats.Msg) (*Message, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	doing := "read from " + stream
	for {
		m, err := c.mux.one(ctx, ask)
		switch {
		case err == nil && m != nil:
			return fromDirect(stream, m)
		case err != nil && err != errLost:
			return nil, busFault(doing, c.explain(err))
		}
	}
}

func fromDirect(stream string, m *nats.Msg) (*Message, error) {
	switch status := statusOf(m); status {
	case "":
	case statusNoMessages:
		return nil, fault.New(fault.BusNotFound, "read from "+stream, nil)
	case statusNoResponders:
		return nil, fault.New(fault.BusNotFound, "read from "+stream+": there is no such stream", nil)
	default:
		return nil, fault.New(fault.BusUnreachable,
			"read from "+stream+": status "+status+" "+m.Header.Get(headerDescription), nil)
	}
	out := &Message{
		Subject: m.Header.Get(jetstream.SubjectHeader), Header: flatten(m.Header),
		Data: m.Data, Stream: stream,
	}
	seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return nil, fault.New(fault.BusBadMessage, "read from "+stream+": no sequence", err)
	}
	out.Sequence = seq
	if at, err := time.Parse(time.RFC3339Nano, m.Header.Get(jetstream.TimeStampHeaer)); err == nil {
		out.Time = at.UTC()
	}
	for _, own := range directHeaders {
		delete(out.Header, own)
	}
	out.ID = messageID(out.Header, stream, seq)
	return out, nil
}

// directHeaders are put on a message by the broker when it is read directly.
var directHeaders = []string{
	jetstream.StreamHeader, jetstream.SubjectHeader, jetstream.SequenceHeader,
	jetstream.TimeStampHeaer, "Nats-Num-Pending", "Nats-Last-Sequence",
}

// Purge removes the messages of a stream whose subjects match filter. An empty
// filter removes all. Faults: bus.not_found, bus.timeout.
func (c *Conn) Purge(ctx context.Context, stream, filter string) error {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	s, err := c.js.Stream(ctx, stream)
	if err != nil {
		return busFault("open stream "+stream, err)
	}
	var opts []jetstream.StreamPurgeOpt
	if filter != "" {
		opts = append(opts, jetstream.WithPurgeSubject(filter))
	}
	return busFault("purge "+stream, s.Purge(ctx, opts...))
}
