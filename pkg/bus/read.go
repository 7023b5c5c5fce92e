package bus

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// directGet is the subject that any replica of a stream answers reads on.
const directGet = "$JS.API.DIRECT.GET."

// Last returns the last message of a stream whose subject matches filter, which
// may hold wildcards. It costs one round trip. On a cluster any replica answers;
// one that is behind may give an older message, but never none.
// Faults: bus.not_found, bus.timeout, bus.closed, bus.unreachable.
func (c *Conn) Last(ctx context.Context, stream, filter string) (*Message, error) {
	return c.read(ctx, stream,
		&nats.Msg{Subject: directGet + stream + "." + filter}, wanted{Last: filter})
}

// Get returns the message of a stream with a sequence.
// Faults: as for [Conn.Last].
func (c *Conn) Get(ctx context.Context, stream string, seq uint64) (*Message, error) {
	return c.read(ctx, stream, &nats.Msg{
		Subject: directGet + stream,
		Data:    []byte(`{"seq":` + strconv.FormatUint(seq, 10) + `}`),
	}, wanted{Seq: seq})
}

// Next returns the first message of a stream at or after a sequence whose subject
// matches filter, which may hold wildcards. It costs one round trip. On a cluster any
// replica answers; that there is none is the leader's word.
// Faults: as for [Conn.Last].
func (c *Conn) Next(ctx context.Context, stream, filter string, from uint64) (*Message, error) {
	w := wanted{Seq: max(from, 1), Next: filter}
	data, err := json.Marshal(w)
	if err != nil {
		return nil, fault.New(fault.BusBadMessage, "read from "+stream, err)
	}
	return c.read(ctx, stream, &nats.Msg{Subject: directGet + stream, Data: data}, w)
}

// direct reads one message from any replica.
func (c *Conn) direct(ctx context.Context, stream string, ask *nats.Msg) (*Message, error) {
	m, err := c.persist(ctx, "read from "+stream, ask)
	if err != nil {
		return nil, err
	}
	return fromDirect(stream, m)
}

// persist asks until there is an answer. While nobody answers, because the
// broker is starting or the connection was lost, it tries again: that there is
// no answer must never pass for that there is no message.
func (c *Conn) persist(ctx context.Context, doing string, ask *nats.Msg) (*nats.Msg, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	pause := publishPauseMin
	for {
		m, err := c.mux.one(ctx, ask)
		switch {
		case err == nil && statusOf(m) != statusNoResponders:
			return m, nil
		case err != nil && !errors.Is(err, errLost):
			return nil, busFault(doing, c.explain(err))
		}
		if sleep(ctx, pause) != nil {
			return nil, busFault(doing, c.explain(errNobody))
		}
		pause = min(2*pause, publishPauseMax)
	}
}

func fromDirect(stream string, m *nats.Msg) (*Message, error) {
	sequence := lastValue(m.Header, jetstream.SequenceHeader)
	switch status := statusOf(m); {
	case sequence != "", status == "":
	case status == statusNoMessages:
		return nil, fault.New(fault.BusNotFound, "read from "+stream, nil)
	default:
		return nil, fault.New(fault.BusUnreachable,
			"read from "+stream+": status "+status+" "+m.Header.Get(headerDescription), nil)
	}
	out := &Message{
		Subject: lastValue(m.Header, jetstream.SubjectHeader), Header: flatten(m.Header),
		Data: m.Data, Stream: stream,
	}
	seq, err := strconv.ParseUint(sequence, 10, 64)
	if err != nil {
		return nil, fault.New(fault.BusBadMessage, "read from "+stream+": no sequence", err)
	}
	out.Sequence = seq
	at, err := time.Parse(time.RFC3339Nano, lastValue(m.Header, jetstream.TimeStampHeaer))
	if err == nil {
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

// lastValue is the value that the broker put on a message: it adds its own after
// those that the message came with.
func lastValue(h nats.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
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
