package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// locateWait bounds one look at the consumer: while a cluster elects the leader
// that would answer, asking again is faster than waiting.
const locateWait = 2 * time.Second

// reconnected is called when the connection is back: what was asked before is
// forgotten by the broker.
func (f *flow) reconnected() { f.lostPull(false) }

// lostPull has all requests made anew, after a look at the consumer if that may
// be the trouble.
func (f *flow) lostPull(relocate bool) {
	f.mu.Lock()
	f.pull.renew = true
	f.pull.relocate = f.pull.relocate || relocate
	f.mu.Unlock()
	f.nudge()
}

// mend makes what requests need: a subscription of this generation and a
// consumer. It reports whether requests can be sent.
func (f *flow) mend(p *pause) bool {
	f.mu.Lock()
	renew, relocate := f.pull.renew, f.pull.relocate
	f.mu.Unlock()
	if !renew {
		return true
	}
	if relocate && !f.relocate(p) {
		return false
	}
	if err := f.resubscribe(); err != nil {
		f.log.Error("cannot subscribe to answers", "error", err)
		p.wait(f.intake)
		f.nudge()
		return false
	}
	return true
}

// relocate looks for the consumer, and has it made again when it is gone.
// Without a connection it leaves that to reconnected.
func (f *flow) relocate(p *pause) bool {
	if !f.conn.nc.IsConnected() || p.wait(f.intake) != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(f.intake, min(f.conn.opts.Timeout, locateWait))
	defer cancel()
	// An answer that was on its way when the connection was lost never comes.
	stop := f.conn.back.notify(cancel)
	defer stop()
	src, err := f.opts.Locate(ctx, f.topic)
	switch {
	case err == nil:
	case errors.Is(ctx.Err(), context.Canceled):
		f.nudge() // the connection is back, or the flow has stopped
		return false
	default:
		f.log.Warn("the consumer cannot be reached", "error", err)
		f.nudge()
		return false
	}
	f.mu.Lock()
	f.source = src
	f.pull.relocate = false
	f.mu.Unlock()
	return true
}

// resubscribe starts a new generation. The old subscription hands on what has
// already arrived.
func (f *flow) resubscribe() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopping {
		return nil
	}
	p := &f.pull
	generation := p.generation + 1
	inbox := f.conn.nc.NewInbox() + "."
	sub, err := f.conn.nc.Subscribe(inbox+"*", func(m *nats.Msg) { f.receive(generation, m) })
	if err != nil {
		return err
	}
	// What may come is bounded by what was asked for.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	if p.sub != nil {
		_ = p.sub.Drain() // fails only when it is gone already
	}
	p.sub, p.inbox, p.generation = sub, inbox, generation
	p.asked, p.asks, p.renew = 0, p.asks[:0], false
	f.nudge()
	return nil
}
