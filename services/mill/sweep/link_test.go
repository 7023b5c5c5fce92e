package sweep

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// link is the connection of one process to the broker.
type link struct {
	*broker
	mine int
}

// Commit stores a message behind its fence.
func (l link) Commit(_ context.Context, o bus.Out) (seq uint64, err error) {
	err = l.write(l.mine, "commit "+o.Subject, func() error {
		if o.Fence != nil && l.newest(streamOf(o.Subject), o.Fence.Filter) != o.Fence.Last {
			return fault.New(fault.BusFenced, o.Subject, nil)
		}
		seq = l.store(o).Sequence
		return nil
	})
	return seq, err
}

func (l link) newest(stream, filter string) uint64 {
	if list := matching(l.messages[stream], filter); len(list) > 0 {
		return list[len(list)-1].Sequence
	}
	return 0
}

// Publish stores messages, each by itself, unless their ids were seen lately.
func (l link) Publish(_ context.Context, outs ...bus.Out) error {
	for _, o := range outs {
		err := l.write(l.mine, "publish "+o.Subject+" "+o.ID, func() error {
			id := streamOf(o.Subject) + "/" + o.ID
			if seen, ok := l.ids[id]; ok && time.Since(seen) < window {
				return nil
			}
			l.ids[id] = time.Now()
			l.store(o)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Last returns the newest message that matches.
func (l link) Last(_ context.Context, stream, filter string) (*bus.Message, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.life != l.mine {
		return nil, errDead
	}
	list := matching(l.messages[stream], filter)
	if len(list) == 0 {
		return nil, fault.New(fault.BusNotFound, filter, nil)
	}
	return list[len(list)-1].copy(), nil
}

// Next returns the first message at or after a sequence whose subject matches.
func (l link) Next(_ context.Context, stream, filter string, from uint64) (*bus.Message, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.life != l.mine {
		return nil, errDead
	}
	for _, m := range matching(l.messages[stream], filter) {
		if m.Sequence >= from {
			return m.copy(), nil
		}
	}
	return nil, fault.New(fault.BusNotFound, filter, nil)
}

// Scan reads what is there.
func (l link) Scan(_ context.Context, s bus.Scan, fn func(*bus.Message) error) error {
	l.mu.Lock()
	if l.life != l.mine {
		l.mu.Unlock()
		return errDead
	}
	var list []*bus.Message
	for _, m := range l.messages[s.Stream] {
		if !slices.ContainsFunc(s.Filters, func(f string) bool { return matches(f, m.Subject) }) {
			continue
		}
		if s.LastPerSubject {
			list = slices.DeleteFunc(list, func(x *bus.Message) bool { return x.Subject == m.Subject })
		}
		list = append(list, m.copy())
	}
	l.mu.Unlock()
	for _, m := range list {
		if err := fn(m); err != nil {
			return err
		}
	}
	return nil
}

func (m *stored) copy() *bus.Message {
	c := m.Message
	c.Header, c.Data = maps.Clone(m.Header), slices.Clone(m.Data)
	return &c
}

// Acked: the work queues of this broker keep nothing that was acknowledged.
func (l link) Acked(context.Context, string, string) (uint64, error) { return 0, nil }

// Depth returns how many messages a stream holds.
func (l link) Depth(_ context.Context, stream string) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.messages[stream])), nil
}

// Pending returns how many timers a stream holds; it is asked for nothing else.
func (l link) Pending(_ context.Context, stream, _ string) (n uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.messages[stream] {
		if _, ok := events.Tokens(m.Subject, "timer", 3); ok {
			n++
		}
	}
	return n, nil
}

// Purge removes messages.
func (l link) Purge(_ context.Context, stream, filter string) error {
	return l.write(l.mine, "purge "+filter, func() error {
		for _, m := range matching(l.messages[stream], filter) {
			l.remove(m)
		}
		return nil
	})
}

// Send loses everything: signals and progress may be lost.
func (l link) Send(string, map[string]string, []byte) error { return nil }

// Subscribe never hears anything.
func (l link) Subscribe(string, func(*bus.Message)) (func(), error) { return func() {}, nil }

// outside does something to the world that is neither broker nor store.
func (l link) outside(what string, do func() error) error { return l.write(l.mine, "call "+what, do) }

// findable reports whether the broker holds what is due.
func (l link) findable(j events.Job, d events.DueItem) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := func(f string) bool { return len(matching(l.messages[events.StreamQueue], f)) > 0 }
	if d.Limit != "" {
		return queue(events.LimitSubject(j.Tenant, j.ID, d.Step, d.Limit)) || queue(events.DueSubject(j.Tenant, j.ID))
	}
	if d.Kind == events.DueTimer {
		timer := events.TimerSubject(j.Tenant, j.ID, d.Step)
		if d.Limit != "" {
			timer = events.LimitSubject(j.Tenant, j.ID, d.Step, d.Limit)
		}
		return queue(timer) || queue(events.DueSubject(j.Tenant, j.ID))
	}
	work := events.WorkOfStep(j.Tenant, j.ID, d.Step)
	if d.Kind == events.DueUndo {
		work = events.UndoOfStep(j.Tenant, j.ID, d.Step)
	}
	return queue(work) || len(matching(l.messages[events.StreamOutcomes], events.OutcomeOfStep(j.Tenant, j.ID, d.Step))) > 0
}
