package bus

import (
	"strconv"
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
