package bus

import (
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

// ackPrefix begins the reply subject of every message from a consumer, and of
// nothing else.
const ackPrefix = "$JS.ACK."

// receive takes whatever comes in answer to requests of one generation.
func (f *flow) receive(generation int, raw *nats.Msg) {
	f.conn.mux.touch()
	if !strings.HasPrefix(raw.Reply, ackPrefix) {
		f.status(generation, raw)
		return
	}
	m, err := decode(raw)
	d := newDelivery(f, raw, m)
	f.mu.Lock()
	if generation == f.pull.generation {
		f.pull.gave(1)
	}
	if f.stopping || f.held.n >= f.opts.MaxInFlight {
		f.mu.Unlock()
		f.nak(d.reply, 0) // no slot, or no time: anyone else may have it
		d.cancel(nil)
		return
	}
	f.held.add(d)
	if err == nil {
		f.hand(d)
	}
	wake := f.free() > 0
	f.mu.Unlock()
	if wake {
		f.nudge()
	}
	if err != nil {
		go d.settle(Reject(codeUndecodable, err)) // waited for by the drain, as any other
	}
}

// hand puts a message into the channel, which has a place for every slot. The
// lock is held, so that none is put there after the drain has emptied it.
func (f *flow) hand(d *delivery) {
	w := d.toWatermill()
	if !f.settles {
		go d.watch(w)
	}
	f.out <- w
}

// status takes an answer that is not a message.
func (f *flow) status(generation int, m *nats.Msg) {
	f.mu.Lock()
	if generation != f.pull.generation || f.stopping {
		f.mu.Unlock()
		return
	}
	switch status := statusOf(m); status {
	case statusExpired, statusNoMessages:
		if n, err := strconv.Atoi(m.Header.Get(headerPullLeft)); err == nil {
			f.pull.gave(n)
		} else {
			f.pull.gave(f.pull.asked)
		}
		f.mu.Unlock()
		f.nudge()
	case "", "100":
		f.mu.Unlock()
	default:
		f.mu.Unlock()
		f.log.Debug("a request for messages was refused",
			"status", status, "reason", m.Header.Get(headerDescription))
		f.lostPull(true)
	}
}
