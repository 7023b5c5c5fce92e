package bus

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
)

// delivery is one message in the hands of this process, from its arrival until
// it is settled. It is settled once; later attempts do nothing.
type delivery struct {
	flow *flow
	// reply is where the broker waits for the verdict.
	reply string
	// m is the message as handlers see it, raw what came over the wire.
	m   *Message
	raw *nats.Msg

	ctx    context.Context
	cancel context.CancelCauseFunc

	received time.Time
	// beat is when the broker was last told that it is still being worked on.
	// Guarded by flow.mu, as are the links.
	beat       time.Time
	prev, next *delivery

	settled atomic.Bool
	// lost is true when contact with the broker was lost for longer than the
	// ack wait: another worker has the message by now.
	lost atomic.Bool
}

func newDelivery(f *flow, raw *nats.Msg, m *Message) *delivery {
	d := &delivery{flow: f, reply: raw.Reply, raw: raw, m: m, received: time.Now()}
	d.beat = d.received
	ctx, cancel := context.WithCancelCause(f.base)
	d.ctx, d.cancel = context.WithValue(ctx, deliveryKey{}, d), cancel
	return d
}

type deliveryKey struct{}

// deliveryOf finds the delivery behind a message's context. It is nil for
// messages that came from elsewhere.
func deliveryOf(ctx context.Context) *delivery {
	d, _ := ctx.Value(deliveryKey{}).(*delivery)
	return d
}

// toWatermill makes the Watermill form of the message.
func (d *delivery) toWatermill() *message.Message {
	id := d.m.Header[headerUUID]
	if id == "" {
		id = d.m.ID
	}
	var w *message.Message
	if d.flow.settles {
		// Nobody waits for its channels, so it needs none.
		w = &message.Message{UUID: id, Metadata: d.m.Header, Payload: d.m.Data}
	} else {
		w = message.NewMessage(id, d.m.Data)
		w.Metadata = metadataOf(d.m.Header)
	}
	w.SetContext(d.ctx)
	return w
}

// watch settles the delivery by what becomes of its Watermill message. It is
// used where the handler is not ours.
func (d *delivery) watch(w *message.Message) {
	ended := d.ctx.Done()
	for {
		select {
		case <-w.Acked():
			d.settle(nil)
			return
		case <-w.Nacked():
			d.settle(errNacked)
			return
		case <-ended:
			if d.settled.Load() {
				return
			}
			ended = nil // told to stop; it may still say how it went
		case <-d.flow.killed:
			return
		}
	}
}

// giveBack hands a message over that nobody has started on.
func (d *delivery) giveBack() { d.settle(HandOver(nil)) }

// deliveries is a list of deliveries, guarded by flow.mu.
type deliveries struct {
	first *delivery
	n     int
}

func (l *deliveries) add(d *delivery) {
	d.next = l.first
	if l.first != nil {
		l.first.prev = d
	}
	l.first = d
	l.n++
}

func (l *deliveries) remove(d *delivery) {
	if d.prev != nil {
		d.prev.next = d.next
	} else {
		l.first = d.next
	}
	if d.next != nil {
		d.next.prev = d.prev
	}
	d.prev, d.next = nil, nil
	l.n--
}
