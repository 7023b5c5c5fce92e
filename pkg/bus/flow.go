package bus

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/pkg/fault"
)

// flow is one Subscribe: the messages of one consumer on their way to one
// channel.
//
// Each message takes one of opts.MaxInFlight slots from the moment it is asked
// for until it is settled. The channel has a place for each slot, so handing a
// message on never blocks, and it is closed by the only goroutine that knows
// that nobody hands on any more.
type flow struct {
	conn  *Conn
	opts  SubscriberOptions
	log   *slog.Logger
	topic string
	// settles is that of the subscriber.
	settles bool
	out     chan *message.Message
	// base is the parent of every message's context.
	base context.Context
	// intake ends when no more may be asked for.
	intake     context.Context
	stopIntake context.CancelFunc
	// killed is closed when handlers had all the time they get.
	killed chan struct{}
	// wake tells the puller that something has changed.
	wake chan struct{}

	mu       sync.Mutex
	source   Source
	held     deliveries
	stopping bool
	// idle is closed when the flow is stopping and holds nothing.
	idle   chan struct{}
	isIdle bool
	pull   pulls
}

func newFlow(ctx context.Context, s *Subscriber, topic string, src Source) *flow {
	f := &flow{
		conn: s.conn, opts: s.opts, topic: topic, settles: s.settles, source: src,
		log:    s.opts.Log.With("stream", src.Stream, "consumer", src.Consumer),
		out:    make(chan *message.Message, s.opts.MaxInFlight),
		base:   context.WithoutCancel(ctx),
		killed: make(chan struct{}),
		wake:   make(chan struct{}, 1),
		idle:   make(chan struct{}),
	}
	f.intake, f.stopIntake = context.WithCancel(f.base)
	return f
}

// run works until ctx ends or closing is closed, then drains.
func (f *flow) run(ctx context.Context, closing <-chan struct{}) {
	var wg sync.WaitGroup
	stopNotify := f.conn.back.notify(f.reconnected)
	wg.Go(f.pullUntilStopped)
	settled := make(chan struct{})
	wg.Go(func() { f.beatUntil(settled) })

	select {
	case <-ctx.Done():
	case <-closing:
	}
	f.drain()
	close(settled)
	stopNotify()
	wg.Wait()
	close(f.out)
}

// drain ends the intake, gives back what nobody has started on, and waits for
// the rest.
func (f *flow) drain() {
	f.stopIntake()
	f.mu.Lock()
	f.stopping = true
	sub := f.pull.sub
	f.mu.Unlock()
	f.giveBackUnread()
	f.endPull(sub)

	f.mu.Lock()
	f.noteIdle()
	f.mu.Unlock()
	if f.waitIdle(f.opts.Drain) {
		return
	}
	n := f.cancelHeld(fault.New(fault.StageDraining, "", nil))
	f.log.Warn("handlers are told to stop", "held", n, "after", f.opts.Drain)
	if f.waitIdle(f.opts.KillGrace) {
		return
	}
	close(f.killed)
	f.log.Error("handlers did not return; their messages go to others after the ack wait",
		"held", f.heldNow(), "after", f.opts.KillGrace)
}

// endPull takes back what was asked for and waits until nothing of it can still
// be on its way. What arrives meanwhile is given back by receive.
func (f *flow) endPull(sub *nats.Subscription) {
	if sub == nil {
		return
	}
	gone := make(chan struct{})
	sub.SetClosedHandler(func(string) { close(gone) })
	if sub.Drain() != nil {
		return
	}
	if f.conn.flush(flushWait) != nil {
		return
	}
	// The broker has taken note, so all that it had sent is here. The client
	// takes up to 100 ms to notice that it has handed all of it on; looking is
	// faster.
	deadline := time.NewTimer(flushWait)
	defer deadline.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		if n, _, err := sub.Pending(); err != nil || n == 0 {
			return
		}
		select {
		case <-gone:
			return
		case <-deadline.C:
			return
		case <-look.C:
		}
	}
}

// noteIdle says once that the flow has stopped and holds nothing. The lock is
// held.
func (f *flow) noteIdle() {
	if f.stopping && !f.isIdle && f.held.n == 0 {
		f.isIdle = true
		close(f.idle)
	}
}

// giveBackUnread hands over what lies in the channel: nobody has started on it.
func (f *flow) giveBackUnread() {
	for {
		select {
		case m := <-f.out:
			if d := deliveryOf(m.Context()); d != nil {
				d.giveBack()
			}
		default:
			return
		}
	}
}

// waitIdle reports whether everything is settled within the time.
func (f *flow) waitIdle(limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-f.idle:
		return true
	case <-t.C:
		return false
	}
}

// cancelHeld ends the contexts of all messages that are being worked on.
func (f *flow) cancelHeld(cause error) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for d := f.held.first; d != nil; d = d.next {
		d.cancel(cause)
	}
	return f.held.n
}

func (f *flow) heldNow() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held.n
}

// nudge has the puller look again.
func (f *flow) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}
