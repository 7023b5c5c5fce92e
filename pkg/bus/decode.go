package bus

import (
	"fmt"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// codeUndecodable is the code of a message that is not fit for a handler.
const codeUndecodable = fault.BusUndecodable

// decode makes a Message of one that came from a consumer. It returns a message
// in any case, with as much as could be read, and an error when it is not fit
// for a handler: a header with several values means different things to
// different readers.
func decode(raw *nats.Msg) (*Message, error) {
	m := &Message{Subject: raw.Subject, Header: flatten(raw.Header), Data: raw.Data}
	meta, err := raw.Metadata()
	if err != nil {
		return m, fmt.Errorf("the delivery cannot be read: %w", err)
	}
	m.Stream = meta.Stream
	m.Sequence = meta.Sequence.Stream
	m.Delivered = int(min(meta.NumDelivered, 1<<31-1))
	m.Time = meta.Timestamp.UTC()
	m.ID = messageID(m.Header, m.Stream, m.Sequence)
	for k, v := range raw.Header {
		if len(v) != 1 {
			return m, fmt.Errorf("header %q has %d values", fault.Clip(k, 100), len(v))
		}
	}
	return m, nil
}

// metadataOf makes Watermill metadata of headers: all but those that tell the
// broker what to do, which must not be copied to other messages.
func metadataOf(h map[string]string) message.Metadata {
	md := make(message.Metadata, len(h))
	for k, v := range h {
		if k != headerUUID && !strings.HasPrefix(k, "Nats-") {
			md[k] = v
		}
	}
	return md
}

// fromJetStream makes a Message of one that a scan has read.
func fromJetStream(m jetstream.Msg, meta *jetstream.MsgMetadata) *Message {
	out := &Message{
		Subject: m.Subject(), Header: flatten(m.Headers()), Data: m.Data(),
		Stream: meta.Stream, Sequence: meta.Sequence.Stream,
		Time: time.Unix(0, meta.Timestamp.UnixNano()).UTC(),
	}
	out.ID = messageID(out.Header, out.Stream, out.Sequence)
	return out
}
