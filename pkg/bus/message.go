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
	// Header holds the first value of each header. It is never nil.
	Header map[string]string
	Data   []byte
	// Stream and Sequence say where it is stored. They are empty for messages
	// that did not come from a stream.
	Stream   string
	Sequence uint64
	// Delivered counts the deliveries of the message to this consumer from 1.
	// It is 0 when the message was read without a consumer.
	Delivered int
	// Time is when the stream stored it, in UTC. It is zero when that is not known.
	Time time.Time
	// Reply is where an answer is expected. It is set on core NATS only.
	Reply string
}

// headerUUID is where watermill-nats keeps the id of a message.
const headerUUID = "_watermill_message_uuid"

// fromCore makes a Message of a message on core NATS. A message that a stream
// republished says where it is stored.
func fromCore(m *nats.Msg) *Message {
	out := &Message{Subject: m.Subject, Header: flatten(m.Header), Data: m.Data, Reply: m.Reply}
	out.ID = out.Header[jetstream.MsgIDHeader]
	if out.ID == "" {
		out.ID = out.Header[headerUUID]
	}
	sequence := lastValue(m.Header, jetstream.SequenceHeader)
	if seq, err := strconv.ParseUint(sequence, 10, 64); err == nil {
		out.Sequence = seq
		out.Stream = lastValue(m.Header, jetstream.StreamHeader)
	}
	at, err := time.Parse(time.RFC3339Nano, lastValue(m.Header, jetstream.TimeStampHeaer))
	if err == nil {
		out.Time = at.UTC()
	}
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
