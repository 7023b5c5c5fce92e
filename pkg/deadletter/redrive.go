package deadletter

import (
	"bytes"
	"context"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// noteTries bounds the races that one request may lose.
const noteTries = 8

// Order says how to act on a dead letter.
type Order struct {
	// Data is the payload to publish in place of the letter's, as JSON. Empty
	// means the letter's own, or that of the redrive that is being finished.
	Data []byte
	// Reason is why, and By who asks, for whoever looks at the letter later.
	Reason, By string
	// Key makes the request one: with the same key and payload it happens once.
	Key string
	// Revision, when there is one, is that of the letter that was looked at. A
	// redrive that was begun with other data gives way to one that states it.
	Revision *uint64
}

// Redrive publishes the message of a letter again, under an id that depends on the
// letter and the payload alone, and marks the letter. A request that is repeated
// finishes what it began, and changes nothing after that: again is then true. A
// letter that was dropped can be redriven; one that was redriven cannot.
//
// Faults: deadletter.not_found, deadletter.settled, deadletter.stale_revision,
// deadletter.cut, deadletter.no_door, deadletter.invalid (with an [Invalid]),
// deadletter.key_changed, and those of the bus. After bus.timeout or bus.unreachable
// the message may be published or not: repeat the request.
func (s *Store) Redrive(
	ctx context.Context, tenant, id string, o Order,
) (shown api.DeadLetter, again bool, err error) {
	if len(o.Data) > 0 {
		if o.Data, err = compact(o.Data); err != nil {
			return shown, false, err
		}
	}
	for range noteTries {
		l, err := s.find(ctx, tenant, id)
		if err != nil {
			return shown, false, err
		}
		again, err = s.redrive(ctx, l, o)
		if !fault.Has(err, fault.BusFenced) {
			return l.shown(true), again, err
		}
	}
	return shown, false, fault.New(fault.DeadletterStaleRevision, "others keep changing it", nil)
}

// redrive is one try. Fault bus.fenced: somebody else was faster.
func (s *Store) redrive(ctx context.Context, l *letter, o Order) (again bool, err error) {
	payload := o.Data
	if len(payload) == 0 && l.mark.State == api.DeadRedriving {
		payload = l.mark.Data
	}
	edited := len(payload) > 0
	if !edited {
		if l.cut() {
			return false, fault.New(fault.DeadletterCut, "dead letter "+l.name(), nil)
		}
		payload = l.Data
	}
	out, job, err := l.forward(payload)
	if err != nil {
		return false, err
	}
	switch l.course(out.ID, o) {
	case replay:
		return true, nil
	case stale:
		return false, fault.New(fault.DeadletterStaleRevision, "dead letter "+l.name(), nil)
	case settled:
		return false, l.settled()
	case begin:
		m := mark{
			State: api.DeadRedriving, At: now(), By: o.By, Reason: o.Reason, As: out.ID, Job: job,
			Key: o.Key, Base: l.revision,
		}
		if edited {
			m.Data = bytes.Clone(payload)
		}
		if err := s.begin(ctx, l, m, out); err != nil {
			return false, err
		}
	case finish:
		if err := s.bus.Publish(ctx, out); err != nil {
			return false, err
		}
	}
	done := l.mark
	done.State, done.At = api.DeadRedriven, now()
	return false, s.note(ctx, l, done)
}

// Check returns the error that Redrive would return for reasons of the letter, and
// does nothing.
func (s *Store) Check(ctx context.Context, tenant, id string, o Order) error {
	l, err := s.find(ctx, tenant, id)
	if err != nil {
		return err
	}
	payload := l.Data
	switch {
	case len(o.Data) > 0:
		if payload, err = compact(o.Data); err != nil {
			return err
		}
	case l.mark.State == api.DeadRedriving && len(l.mark.Data) > 0:
		payload = l.mark.Data
	case l.cut():
		return fault.New(fault.DeadletterCut, "dead letter "+l.name(), nil)
	}
	out, _, err := l.forward(payload)
	if err != nil {
		return err
	}
	switch l.course(out.ID, o) {
	case stale:
		return fault.New(fault.DeadletterStaleRevision, "dead letter "+l.name(), nil)
	case settled:
		return l.settled()
	}
	return nil
}

// begin marks the letter and publishes the message. A broker that certainly did not
// take the message leaves the letter as it was.
func (s *Store) begin(ctx context.Context, l *letter, m mark, out bus.Out) error {
	before := l.mark
	if err := s.note(ctx, l, m); err != nil {
		return err
	}
	err := s.bus.Publish(ctx, out)
	switch {
	case fault.Has(err, fault.BusStoreFull), fault.Has(err, fault.BusTooLarge),
		fault.Has(err, fault.BusBadMessage):
		// Whoever was faster has taken it over.
		if undo := s.note(ctx, l, before); undo != nil && !fault.Has(undo, fault.BusFenced) {
			return undo
		}
	}
	return err
}

// course is what is to be done about a request.
type course int

const (
	begin course = iota
	finish
	replay
	settled
	stale
)

// course decides from the mark what a redrive under a message id means.
func (l *letter) course(as string, o Order) course {
	same := l.mark.As == as
	current := o.Revision == nil || *o.Revision == l.revision
	switch l.mark.State {
	case api.DeadRedriven:
		mine := same && (o.Key == "" || o.Key == l.mark.Key) &&
			(current || *o.Revision == l.mark.Base)
		if mine {
			return replay
		}
		if !current {
			return stale
		}
		return settled
	case api.DeadRedriving:
		switch {
		case same:
			return finish
		case !current:
			return stale
		case o.Revision != nil:
			return begin
		}
		return settled
	}
	if !current {
		return stale
	}
	return begin
}

// settled says what was done about a letter.
func (l *letter) settled() error {
	what := string(l.mark.State) + " at " + l.mark.At.Format(time.RFC3339)
	if l.mark.By != "" {
		what += " by " + fault.Clip(l.mark.By, 100)
	}
	if l.mark.As != "" {
		what += " as " + fault.Clip(l.mark.As, 200)
	}
	return fault.New(fault.DeadletterSettled, "dead letter "+l.name()+" is "+what, nil)
}

// Drop marks a letter as one that nothing is to be done about. It may be repeated.
// Faults: deadletter.not_found, deadletter.no_reason, deadletter.stale_revision,
// deadletter.settled when it was redriven, and those of the bus.
func (s *Store) Drop(ctx context.Context, tenant, id string, o Order) (api.DeadLetter, error) {
	for range noteTries {
		l, err := s.find(ctx, tenant, id)
		if err != nil {
			return api.DeadLetter{}, err
		}
		switch {
		case o.Reason == "":
			return api.DeadLetter{}, fault.New(fault.DeadletterNoReason, "dead letter "+l.name(), nil)
		case l.mark.State == api.DeadDropped:
			return l.shown(true), nil
		case o.Revision != nil && *o.Revision != l.revision:
			return api.DeadLetter{}, fault.New(fault.DeadletterStaleRevision, "dead letter "+l.name(), nil)
		case l.mark.State != api.DeadOpen:
			return api.DeadLetter{}, l.settled()
		}
		err = s.note(ctx, l, mark{
			State: api.DeadDropped, At: now(), By: o.By, Reason: o.Reason, Base: l.revision,
		})
		if !fault.Has(err, fault.BusFenced) {
			return l.shown(true), err
		}
	}
	return api.DeadLetter{}, fault.New(fault.DeadletterStaleRevision, "others keep changing it", nil)
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
