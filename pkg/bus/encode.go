package bus

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// Headers that make a message a timer.
const (
	headerSchedule       = "Nats-Schedule"
	headerScheduleTarget = "Nats-Schedule-Target"
)

// Statuses that the broker answers with instead of a message.
const (
	headerStatus       = "Status"
	headerDescription  = "Description"
	headerPullLeft     = "Nats-Pending-Messages"
	statusNoMessages   = "404"
	statusExpired      = "408"
	statusConflict     = "409"
	statusNoResponders = "503"
)

// maxShown is how much of a foreign subject or key an error shows.
const maxShown = 200

// encode makes the wire form of a message.
func (c *Conn) encode(o *Out) (*nats.Msg, error) {
	if bad := complaint(o); bad != "" {
		return nil, fault.New(fault.BusBadMessage,
			"publish to "+fault.Clip(o.Subject, maxShown)+": "+bad, nil)
	}
	h := make(nats.Header, len(o.Header)+4)
	setHeaders(h, o.Header)
	h[jetstream.MsgIDHeader] = []string{oneLine(o.ID)}
	if o.Fence != nil {
		h[jetstream.ExpectedLastSubjSeqHeader] = []string{strconv.FormatUint(o.Fence.Last, 10)}
		h[jetstream.ExpectedLastSubjSeqSubjHeader] = []string{o.Fence.Filter}
	}
	if o.Target != "" {
		h[headerSchedule] = []string{"@at " + o.At.UTC().Format(time.RFC3339Nano)}
		h[headerScheduleTarget] = []string{o.Target}
	}
	return &nats.Msg{Subject: o.Subject, Header: h, Data: o.Data}, nil
}

// complaint says what is wrong with a message; empty means nothing.
func complaint(o *Out) string {
	switch {
	case o.Subject == "" || strings.ContainsAny(o.Subject, " \t\r\n*>"):
		return "not a subject"
	case o.ID == "":
		return "no message id"
	case o.Fence != nil && o.Fence.Filter == "":
		return "a fence without a filter"
	case o.Target == "" && !o.At.IsZero():
		return "a time without a target"
	case o.Target != "" && o.At.IsZero():
		return "a target without a time"
	}
	return ""
}

// pubAck is a stream's answer to a message.
type pubAck struct {
	Seq       uint64              `json:"seq"`
	Duplicate bool                `json:"duplicate"`
	Error     *jetstream.APIError `json:"error"`
}

func decodeAck(m *nats.Msg) (pubAck, error) {
	if seq, ok := plainAck(m.Data); ok {
		return pubAck{Seq: seq}, nil
	}
	var a pubAck
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return a, fault.New(fault.BusBadMessage, "the answer is not a stream's", err)
	}
	if a.Error != nil {
		return a, a.Error
	}
	if a.Seq == 0 {
		return a, fault.New(fault.BusBadMessage, "the answer is not a stream's", nil)
	}
	return a, nil
}

// plainAck reads {"stream":"NAME", "seq":123}, which is what nearly all answers
// are, without a JSON decoder: there is one answer for each message stored.
// Whatever looks different in any way is left to the decoder.
func plainAck(data []byte) (seq uint64, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte(`{"stream":"`))
	if !ok {
		return 0, false
	}
	end := bytes.IndexByte(rest, '"')
	if end < 0 || bytes.IndexByte(rest[:end], '\\') >= 0 {
		return 0, false
	}
	rest = rest[end+1:]
	if rest, ok = bytes.CutPrefix(rest, []byte(`, "seq":`)); !ok {
		if rest, ok = bytes.CutPrefix(rest, []byte(`,"seq":`)); !ok {
			return 0, false
		}
	}
	digits, ok := bytes.CutSuffix(rest, []byte("}"))
	if !ok || len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		seq = seq*10 + uint64(d-'0')
	}
	return seq, seq > 0
}

// statusOf returns the status of a message that is not one, or nothing.
func statusOf(m *nats.Msg) string {
	if len(m.Header) == 0 || len(m.Data) > 0 {
		return ""
	}
	if v := m.Header[headerStatus]; len(v) > 0 {
		return v[0]
	}
	return ""
}
