package bus

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/millrace/millrace/pkg/fault"
)

// refusals remembers the last subject to which the broker did not let this user
// publish. A request that is refused gets no answer: without this it would pass for a
// broker that is slow.
type refusals struct {
	mu      sync.Mutex
	subject string
	at      time.Time
	waiting *mux // ends the requests that get no answer; nil until there is one
}

// tell has m told of what is refused from now on.
func (r *refusals) tell(m *mux) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = m
}

func (r *refusals) note(subject string) {
	r.mu.Lock()
	r.subject, r.at = subject, time.Now()
	m := r.waiting
	r.mu.Unlock()
	if m != nil {
		m.refuse(subject)
	}
}

// since returns what was refused last, if that was after a time.
func (r *refusals) since(t time.Time) (subject string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.subject, !r.at.Before(t) && r.subject != ""
}

// refusedPublish returns the subject that an error of the broker is about, when it says
// that this user may not publish there.
func refusedPublish(err error) (subject string, ok bool) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return "", false
	}
	_, rest, ok := strings.Cut(err.Error(), `Publish to "`)
	if !ok {
		return "", false
	}
	subject, _, ok = strings.Cut(rest, `"`)
	return subject, ok
}

// refusedSince makes bus.denied of an error that came because the broker refused
// something since a time, and leaves others.
func (c *Conn) refusedSince(t time.Time, err error) error {
	if err == nil || !fault.Has(err, fault.BusTimeout) {
		return err
	}
	if subject, ok := c.refused.since(t); ok {
		return fault.New(fault.BusDenied, "publish to "+fault.Clip(subject, maxShown), nil)
	}
	return err
}
