package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/pkg/fault"
)

// mux sends requests and waits for their answers, all through one subscription.
// It is what publishing, reading by sequence and heartbeats share.
type mux struct {
	nc     *nats.Conn
	prefix string
	sub    *nats.Subscription
	// heard is when the broker last answered anything, in Unix nanoseconds.
	heard atomic.Int64

	mu    sync.Mutex
	next  uint64
	calls map[uint64]*call
}

// call is one or several requests whose answers are waited for together.
type call struct {
	first   uint64
	answers []*nats.Msg
	missing int
	done    chan struct{}
	// lost is true when the connection was lost before all answers were there.
	lost bool
	// sent is what was sent, and refused the subject of it that the broker does
	// not let this user publish to.
	sent    []*nats.Msg
	refused string
}

// errLost says that the connection was lost before the answer came. Whether the
// request arrived is not known.
var errLost = errors.New("the connection was lost before the answer came")

// beatToken is the last part of the subject that answers to heartbeats come to.
// Numbers of calls have no upper-case letters.
const beatToken = "BEAT"

func newMux(nc *nats.Conn) (*mux, error) {
	m := &mux{nc: nc, prefix: nc.NewInbox() + ".", calls: map[uint64]*call{}}
	sub, err := nc.Subscribe(m.prefix+"*", m.answer)
	if err != nil {
		return nil, err
	}
	// Answers are small and never dropped: whoever waits for one bounds them.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, err
	}
	m.sub = sub
	m.touch()
	return m, nil
}

// touch notes that the broker is there.
func (m *mux) touch() { m.heard.Store(time.Now().UnixNano()) }

// lastHeard returns when the broker last gave a sign of life.
func (m *mux) lastHeard() time.Time { return time.Unix(0, m.heard.Load()) }

// beatReply is where answers to heartbeats go: they only prove contact.
func (m *mux) beatReply() string { return m.prefix + beatToken }

func (m *mux) answer(msg *nats.Msg) {
	m.touch()
	id, err := strconv.ParseUint(msg.Subject[len(m.prefix):], 36, 64)
	if err != nil {
		return // a heartbeat's
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.calls[id]
	if c == nil {
		return // nobody waits any more
	}
	delete(m.calls, id)
	c.answers[id-c.first] = msg
	if c.missing--; c.missing == 0 && c.refused == "" {
		close(c.done)
	}
}

// do sends all messages and waits for all answers. When the connection is lost
// on the way it returns what has come, with nil for the rest, and errLost.
func (m *mux) do(ctx context.Context, msgs []*nats.Msg) ([]*nats.Msg, error) {
	c := m.open(msgs)
	defer m.close(c)
	for i, msg := range msgs {
		msg.Reply = m.prefix + strconv.FormatUint(c.first+uint64(i), 36)
		if err := m.nc.PublishMsg(msg); err != nil {
			return nil, err
		}
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.refused != "" {
		return nil, fmt.Errorf("%w for %s", nats.ErrPermissionViolation, fault.Clip(c.refused, maxShown))
	}
	if c.lost {
		return c.answers, errLost
	}
	return c.answers, nil
}

// one is do for a single message.
func (m *mux) one(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
	answers, err := m.do(ctx, []*nats.Msg{msg})
	if err != nil {
		return nil, err
	}
	return answers[0], nil
}

func (m *mux) open(msgs []*nats.Msg) *call {
	n := len(msgs)
	c := &call{answers: make([]*nats.Msg, n), missing: n, done: make(chan struct{}), sent: msgs}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.first = m.next
	m.next += uint64(n)
	for i := range n {
		m.calls[c.first+uint64(i)] = c
	}
	return c
}

// close forgets the answers that have not come.
func (m *mux) close(c *call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.missing == 0 {
		return
	}
	for i := range c.answers {
		delete(m.calls, c.first+uint64(i))
	}
}

// lose ends every call that is waiting: what was on its way when the connection
// went is not answered any more.
func (m *mux) lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, c := range m.calls {
		delete(m.calls, id)
		if !c.lost && c.refused == "" {
			c.lost = true
			close(c.done)
		}
	}
}

// refuse ends every call that has sent something to a subject to which this user may
// not publish: there will be no answer.
func (m *mux) refuse(subject string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, c := range m.calls {
		if c.lost || c.refused != "" || c.sent[id-c.first].Subject != subject {
			continue
		}
		c.refused = subject
		close(c.done)
	}
}
