package bus

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Message is a message as it was read. Whoever is given one owns it.
type Message struct {
	// Subject is where it was published to.
	Subject string
	// ID is the Nats-Msg-Id, or the UUID of a Watermill message, or, for a
	// message that has neither, "<stream>:<sequence>". Outside of streams it
	// may be empty.
	ID string
	// Header holds the first value of each header.
	Header map[string]string
	Data   []byte
	// Stream and Sequence say where it is stored. They are empty for messages
	// that did not come from a stream.
	Stream   string
	Sequence uint64
	// Delivered counts the deliveries of the message to this consumer from 1.
	// It is 0 when the message was read without a consumer.
	Delivered int
	// Time is when the stream stored it, in UTC.
	Time time.Time
}

// Headers of other programs that this package reads.
const (
	// headerUUID is where watermill-nats keeps the id of a message.
	headerUUID = "_watermill_message_uuid"
)

// fromCore makes a Message of a message that did not come through a consumer.
func fromCore(m *nats.Msg) *Message {
	out := &Message{Subject: m.Subject, Header: flatten(m.Header), Data: m.Data}
	out.ID = out.Header[jetstream.MsgIDHeader]
	if out.ID == "" {
		out.ID = out.Header[headerUUID]
	}
	if seq, err := strconv.ParseUint(out.Header[jetstream.SequenceHeader], 10, 64); err == nil {
		// A message that a stream republished says where it is stored.
		out.Sequence = seq
		out.Stream = out.Header[jetstream.StreamHeader]
		if s := out.Header[jetstream.SubjectHeader]; s != "" && out.Stream != "" {
			out.Subject = m.Subject
		}
	}
	return out
}

// fromStored makes a Message of a message that was read by its sequence.
func fromStored(stream string, m *jetstream.RawStreamMsg) *Message {
	out := &Message{
		Subject: m.Subject, Header: flatten(m.Header), Data: m.Data,
		Stream: stream, Sequence: m.Sequence, Time: m.Time.UTC(),
	}
	out.ID = messageID(out.Header, stream, m.Sequence)
	return out
}

func messageID(h map[string]string, stream string, seq uint64) string {
	if id := h[jetstream.MsgIDHeader]; id != "" {
		return id
	}
	if id := h[headerUUID]; id != "" {
		return id
	}
	return stream + ":" + strconv.FormatUint(seq, 10)
}

// flatten keeps the first value of each header.
func flatten(h nats.Header) map[string]string {
	out := make(map[string]string, len(h))
	for k, v := range h {
		if len(v) > 0 {
			out[k] = v[0]
		}
	}
	return out
}
