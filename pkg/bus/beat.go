package bus

import (
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// beatUntil keeps everything that the flow holds alive at the broker, until
// settled is closed. One ticker serves all messages; one that is done within
// half an interval costs nothing.
func (f *flow) beatUntil(settled <-chan struct{}) {
	every := f.beatEvery()
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-settled:
			return
		case now := <-t.C:
			f.beat(now, every)
			if e := f.beatEvery(); e != every {
				every = e
				t.Reset(every)
			}
		}
	}
}

// beatEvery is a third of the consumer's ack wait.
func (f *flow) beatEvery() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(f.ackWait()/3, 10*time.Millisecond)
}

func (f *flow) ackWait() time.Duration {
	if f.source.AckWait > 0 {
		return f.source.AckWait
	}
	return defaultAckWait
}

// beat tells the broker what is still being worked on, and asks for an answer
// to one of them as a sign of contact. Without contact for longer than the ack
// wait the messages belong to others: their handlers are told so.
func (f *flow) beat(now time.Time, every time.Duration) {
	connected := f.conn.nc.IsConnected()
	var due []string
	f.mu.Lock()
	heard, wait := f.conn.mux.lastHeard(), f.ackWait()
	for d := f.held.first; d != nil; d = d.next {
		if now.Sub(heard) > wait && now.Sub(d.received) > wait {
			f.loseLease(d)
			continue
		}
		if connected && now.Sub(d.beat) >= every/2 {
			d.beat = now
			due = append(due, d.reply)
		}
	}
	f.mu.Unlock()
	for i, reply := range due {
		if i == 0 {
			_ = f.conn.nc.PublishRequest(reply, f.conn.mux.beatReply(), wireBeat)
			continue
		}
		f.reply(reply, wireBeat)
	}
}

// loseLease tells a handler, once, that its message went to someone else.
func (f *flow) loseLease(d *delivery) {
	if d.lost.CompareAndSwap(false, true) {
		d.cancel(fault.New(fault.BusUnreachable, "no contact for longer than the ack wait", nil))
	}
}
