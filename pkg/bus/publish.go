package bus

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/millrace/millrace/pkg/fault"
)

// Out is a message to be stored by a stream.
type Out struct {
	Subject string
	// ID is the message id, the same for every attempt to send this message:
	// the stream drops what it has already seen. It is required.
	ID string
	// Header holds further headers. Keys are cleaned of what NATS does not
	// allow in them.
	Header map[string]string
	Data   []byte
	// Fence makes the message count only if nobody else was faster.
	Fence *Fence
	// At and Target make a scheduled message: the broker keeps it under
	// Subject and publishes it to Target, a subject of the same stream, when
	// the time has come. Publishing to Subject again replaces it.
	At     time.Time
	Target string
}

// Fence lets a message through only if Last is the sequence of the last message
// whose subject matches Filter; 0 means that there is none. All writers of a
// job use the same Filter, to the letter.
type Fence struct {
	Filter string
	Last   uint64
}

// Publish stores messages and returns when the broker has confirmed all of
// them. They are sent one after the other without waiting in between. A message
// that the stream has already seen, by its ID, counts as stored. After an error
// some may be stored and others not; publishing all again is harmless.
//
// Faults: bus.fenced, bus.store_full, bus.timeout, bus.too_large, bus.closed,
// bus.bad_message, bus.unreachable.
func (c *Conn) Publish(ctx context.Context, outs ...Out) error {
	if len(outs) == 0 {
		return nil
	}
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	if len(outs) == 1 {
		_, err := c.publishOne(ctx, outs[0])
		return err
	}
	acks := make([]jetstream.PubAckFuture, len(outs))
	for i, o := range outs {
		m, err := encode(o)
		if err != nil {
			return err
		}
		if acks[i], err = c.js.PublishMsgAsync(m); err != nil {
			return busFault("publish to "+o.Subject, err)
		}
	}
	var errs []error
	for i, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			errs = append(errs, busFault("publish to "+outs[i].Subject, err))
		case <-ctx.Done():
			return busFault("publish to "+outs[i].Subject, ctx.Err())
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// publishOne stores one message and returns its sequence.
func (c *Conn) publishOne(ctx context.Context, o Out) (uint64, error) {
	m, err := encode(o)
	if err != nil {
		return 0, err
	}
	ack, err := c.js.PublishMsg(ctx, m)
	if err != nil {
		return 0, busFault("publish to "+o.Subject, err)
	}
	return ack.Sequence, nil
}

// Send publishes a message on core NATS: whoever listens gets it, nobody keeps
// it. It returns before the message has left the process.
// Faults: bus.closed, bus.too_large.
func (c *Conn) Send(subject string, header map[string]string, data []byte) error {
	m := &nats.Msg{Subject: subject, Data: data}
	if len(header) > 0 {
		m.Header = make(nats.Header, len(header))
		setHeaders(m.Header, header)
	}
	return busFault("send to "+subject, c.nc.PublishMsg(m))
}

// encode makes the wire form of a message.
func encode(o Out) (*nats.Msg, error) {
	if o.Subject == "" || o.ID == "" {
		return nil, fault.New(fault.BusBadMessage, "publish to "+o.Subject+": subject or id missing", nil)
	}
	h := make(nats.Header, len(o.Header)+4)
	setHeaders(h, o.Header)
	h[jetstream.MsgIDHeader] = []string{o.ID}
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

// Headers that make a message a timer.
const (
	headerSchedule       = "Nats-Schedule"
	headerScheduleTarget = "Nats-Schedule-Target"
)
