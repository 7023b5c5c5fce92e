package bus

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// leaderGet is the subject that only the leader of a stream answers reads on.
const leaderGet = "$JS.API.STREAM.MSG.GET."

// wanted says which message to read.
type wanted struct {
	Last string `json:"last_by_subj,omitempty"`
	Seq  uint64 `json:"seq,omitempty"`
	// Next makes Seq the first place to look for a subject.
	Next string `json:"next_by_subj,omitempty"`
}

// leaderAnswer is what the leader says.
type leaderAnswer struct {
	Error   *jetstream.APIError `json:"error"`
	Message *struct {
		Subject string    `json:"subject"`
		Seq     uint64    `json:"seq"`
		Header  []byte    `json:"hdrs"`
		Data    []byte    `json:"data"`
		Time    time.Time `json:"time"`
	} `json:"message"`
}

// read asks any replica, where this user may. That there is no such message it
// believes of the leader only: a replica that is behind does not know better.
func (c *Conn) read(
	ctx context.Context, stream string, ask *nats.Msg, w wanted,
) (*Message, error) {
	if c.opts.LeaderReads {
		return c.fromLeader(ctx, stream, w)
	}
	m, err := c.direct(ctx, stream, ask)
	if !fault.Has(err, fault.BusNotFound) || c.nc.ConnectedClusterName() == "" {
		return m, err
	}
	return c.fromLeader(ctx, stream, w)
}

// Newest returns the last message of a stream whose subject matches filter, as
// [Conn.Last] does, but by the leader's word: no older one is taken for it. While much
// is being stored it is also much sooner there, since a broker stores what it has been
// sent before it hands on what was read directly.
// Faults: as for [Conn.Last].
func (c *Conn) Newest(ctx context.Context, stream, filter string) (*Message, error) {
	return c.fromLeader(ctx, stream, wanted{Last: filter})
}

// fromLeader reads a message from the leader of a stream.
func (c *Conn) fromLeader(ctx context.Context, stream string, w wanted) (*Message, error) {
	doing := "read from the leader of " + stream
	data, err := json.Marshal(w)
	if err != nil {
		return nil, fault.New(fault.BusBadMessage, doing, err)
	}
	answer, err := c.persist(ctx, doing, &nats.Msg{Subject: leaderGet + stream, Data: data})
	if err != nil {
		return nil, err
	}
	var a leaderAnswer
	if err := json.Unmarshal(answer.Data, &a); err != nil {
		return nil, fault.New(fault.BusBadMessage, doing, err)
	}
	switch {
	case a.Error != nil:
		return nil, busFault(doing, a.Error)
	case a.Message == nil:
		return nil, fault.New(fault.BusBadMessage, doing+": no message", nil)
	}
	var h nats.Header
	if len(a.Message.Header) > 0 {
		if h, err = nats.DecodeHeadersMsg(a.Message.Header); err != nil {
			return nil, fault.New(fault.BusUndecodable, doing, err)
		}
	}
	out := &Message{
		Subject: a.Message.Subject, Header: flatten(h), Data: a.Message.Data,
		Stream: stream, Sequence: a.Message.Seq, Time: a.Message.Time.UTC(),
	}
	out.ID = messageID(out.Header, stream, out.Sequence)
	return out, nil
}
