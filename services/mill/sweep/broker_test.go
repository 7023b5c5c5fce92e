package sweep

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// streams are the streams of a mill, by the second token of their subjects.
var streams = map[string]string{
	"submit": events.StreamIntake, "control": events.StreamControl, "events": events.StreamEvents,
	"work": events.StreamQueue, "undo": events.StreamQueue, "timer": events.StreamQueue, "due": events.StreamQueue,
	"outcome": events.StreamOutcomes, "checkpoint": events.StreamCheckpoints, "effect": events.StreamCheckpoints,
	"progress": events.StreamProgress,
}

// kept is how many messages of a subject the stream of checkpoints keeps, and
// window how long the others remember a message id.
const (
	kept   = 5
	window = 20 * time.Second
)

// fate is what becomes of a durable write.
type fate int

const (
	lives      fate = iota
	diesBefore      // the process dies and nothing is written
	diesAfter       // it is written, and the process dies before it hears so
)

// broker is all that survives a process: the streams and the world outside.
type broker struct {
	mu       sync.Mutex
	messages map[string][]*stored
	last     map[string]uint64
	ids      map[string]time.Time
	// writes counts durable writes, and fates says what becomes of them.
	writes int
	fates  map[int]fate
	said   []string // what each write was
	// life is the process that is alive; what another one asks is refused.
	life int
	kill context.CancelCauseFunc
}

type stored struct {
	bus.Message
	at     time.Time // of a timer
	target string
}

func newBroker(fates map[int]fate) *broker {
	return &broker{messages: map[string][]*stored{}, last: map[string]uint64{}, ids: map[string]time.Time{}, fates: fates}
}

var errDead = fault.New(fault.BusClosed, "the process is dead", errors.New("simulated"))

// write does something durable for a process, or lets it die there.
func (b *broker) write(life int, what string, do func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if life != b.life {
		return errDead
	}
	b.writes++
	b.said = append(b.said, what)
	f := b.fates[b.writes]
	if f == diesBefore {
		b.die()
		return errDead
	}
	err := do()
	if f == diesAfter {
		b.die()
		return errDead
	}
	return err
}

// die ends the process that is alive.
func (b *broker) die() {
	b.life++
	b.kill(errDead)
}

// store appends a message to its stream.
func (b *broker) store(o bus.Out) *stored {
	stream := streamOf(o.Subject)
	b.last[stream]++
	m := &stored{at: o.At, target: o.Target, Message: bus.Message{
		Subject: o.Subject, ID: o.ID, Header: maps.Clone(o.Header), Data: slices.Clone(o.Data),
		Stream: stream, Sequence: b.last[stream], Time: time.Now().UTC(),
	}}
	if m.Header == nil {
		m.Header = map[string]string{}
	}
	m.Header[events.HeaderMsgID] = o.ID
	list := b.messages[stream]
	if stream == events.StreamCheckpoints {
		same := matching(list, o.Subject)
		if len(same) >= kept {
			list = slices.DeleteFunc(list, func(x *stored) bool { return x == same[0] })
		}
	}
	if !o.At.IsZero() { // a timer on the same subject takes the place of the one before
		list = slices.DeleteFunc(list, func(x *stored) bool { return x.Subject == o.Subject })
	}
	b.messages[stream] = append(list, m)
	return m
}

func streamOf(subject string) string {
	return streams[strings.Split(subject, ".")[1]]
}

// matches reports whether a subject matches a filter.
func matches(filter, subject string) bool {
	f, s := strings.Split(filter, "."), strings.Split(subject, ".")
	return slices.EqualFunc(f, s, func(f, s string) bool { return f == "*" || f == s })
}

func matching(list []*stored, filter string) []*stored {
	var out []*stored
	for _, m := range list {
		if matches(filter, m.Subject) {
			out = append(out, m)
		}
	}
	return out
}

// remove takes a message out of its stream.
func (b *broker) remove(m *stored) {
	b.messages[m.Stream] = slices.DeleteFunc(b.messages[m.Stream], func(x *stored) bool { return x == m })
}

// fire makes due messages of the timers whose time has come, and returns when
// the next one comes, zero for never.
func (b *broker) fire() (next time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range slices.Clone(b.messages[events.StreamQueue]) {
		switch {
		case m.at.IsZero():
		case !m.at.After(time.Now()):
			b.remove(m)
			b.store(bus.Out{Subject: m.target, ID: m.ID + "/fired", Header: m.Header, Data: m.Data})
		case next.IsZero() || m.at.Before(next):
			next = m.at
		}
	}
	return next
}

// forgetDerived empties the streams that live in the broker's memory.
func (b *broker) forgetDerived() {
	for _, s := range []string{events.StreamQueue, events.StreamOutcomes, events.StreamProgress} {
		delete(b.messages, s)
	}
	clear(b.ids)
}
