package bus

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Times of pull requests.
const (
	// pullExpiry is how long a request waits at the broker. One that is lost
	// silently, as when the node that keeps the consumer dies, is replaced
	// after this time.
	pullExpiry = 5 * time.Second
	// admitExpiry is used with Admit, so that a closed door shuts soon.
	admitExpiry = time.Second
	// pullGrace is how long after its expiry a request may still be answered.
	pullGrace = time.Second
	// refusedPause is how long a closed door is left alone.
	refusedPause = 50 * time.Millisecond
	// lookEvery is how often lost requests are looked for.
	lookEvery = time.Second
)

// pullPrefix begins the subject that requests for messages go to.
const pullPrefix = "$JS.API.CONSUMER.MSG.NEXT."

// ackPrefix begins the reply subject of every message from a consumer, and of
// nothing else.
const ackPrefix = "$JS.ACK."

// pulls are the open requests of a flow, guarded by flow.mu.
//
// There is always a request open while a slot is free, so a message that
// arrives at the stream is delivered at once. Requests are not told apart when
// messages arrive; what counts is how many messages may still come.
type pulls struct {
	sub   *nats.Subscription
	inbox string
	// generation counts subscriptions; answers to an older one do not count.
	generation int
	// asked is how many messages may still come.
	asked int
	// asks are the requests that may be open, oldest first.
	asks []ask
	next uint64
	// renew says that the requests are lost; relocate also that the consumer
	// may be gone.
	renew, relocate bool
}

type ask struct {
	n    int
	ends time.Time
}

// forget drops requests that must have ended, so that one whose end was not
// announced does not keep its slots for ever.
func (p *pulls) forget(now time.Time) {
	alive := 0
	for len(p.asks) > 0 && now.After(p.asks[0].ends.Add(pullGrace)) {
		p.asks = p.asks[1:]
	}
	for _, a := range p.asks {
		alive += a.n
	}
	p.asked = min(p.asked, alive)
}

// note adds a request. Those that end at about the same time are one entry.
func (p *pulls) note(n int, ends time.Time) {
	p.asked += n
	if last := len(p.asks) - 1; last >= 0 && ends.Sub(p.asks[last].ends) < pullGrace/4 {
		p.asks[last].n += n
		return
	}
	p.asks = append(p.asks, ask{n, ends})
}

// gave takes n messages off what may still come.
func (p *pulls) gave(n int) {
	if p.asked = max(p.asked-n, 0); p.asked == 0 {
		p.asks = p.asks[:0]
	}
}

// free is how many messages to ask for now. Slots that become free while a
// request is open are collected, a quarter of all at most, so that a busy
// consumer is not asked for every message by itself. The lock is held.
func (f *flow) free() int {
	if f.stopping {
		return 0
	}
	n := f.opts.MaxInFlight - f.held.n - f.pull.asked
	if n > 0 && (f.pull.asked == 0 || n >= max(1, f.opts.MaxInFlight/4)) {
		return n
	}
	return 0
}

// pullUntilStopped keeps requests open.
func (f *flow) pullUntilStopped() {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	f.mu.Lock()
	f.pull.renew = true
	f.mu.Unlock()
	f.nudge()
	pause := newPause()
	for {
		select {
		case <-f.intake.Done():
			return
		case <-f.wake:
		case <-look.C:
		}
		if !f.mend(&pause) {
			continue
		}
		f.mu.Lock()
		f.pull.forget(time.Now())
		n := f.free()
		f.mu.Unlock()
		if n > 0 {
			f.ask(f.admitted(n))
		}
	}
}

// admitted asks the door how many of n may come.
func (f *flow) admitted(n int) int {
	if f.opts.Admit == nil {
		return n
	}
	m := min(f.opts.Admit(f.intake, n), n)
	if m <= 0 {
		if sleep(f.intake, refusedPause) == nil {
			f.nudge()
		}
		return 0
	}
	return m
}

// request is a pull request that has been counted and not yet sent.
type request struct {
	subject, reply string
	n              int
	expiry         time.Duration
}

// count makes a request for n messages. The lock is held.
func (f *flow) count(n int) request {
	p := &f.pull
	p.next++
	r := request{
		subject: pullPrefix + f.source.Stream + "." + f.source.Consumer,
		reply:   p.inbox + strconv.FormatUint(p.next, 36), n: n, expiry: pullExpiry,
	}
	if f.opts.Admit != nil {
		r.expiry = admitExpiry
	}
	p.note(n, time.Now().Add(r.expiry))
	return r
}

// ask counts and sends a request for at most n messages: others may have asked
// for the same slots meanwhile.
func (f *flow) ask(n int) {
	f.mu.Lock()
	if n = min(n, f.free()); n <= 0 || f.pull.renew {
		f.mu.Unlock()
		return
	}
	r := f.count(n)
	f.mu.Unlock()
	f.send(r)
}

// send sends a request.
func (f *flow) send(r request) {
	data := make([]byte, 0, 48)
	data = append(data, `{"batch":`...)
	data = strconv.AppendInt(data, int64(r.n), 10)
	data = append(data, `,"expires":`...)
	data = strconv.AppendInt(data, int64(r.expiry), 10)
	data = append(data, '}')
	if err := f.conn.nc.PublishRequest(r.subject, r.reply, data); err != nil {
		f.lostPull(false)
	}
}

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
		f.reply(d.reply, wireNak) // no slot, or no time: anyone else may have it
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
	ctx, cancel := context.WithTimeout(f.intake, f.conn.opts.Timeout)
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
