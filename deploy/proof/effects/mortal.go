package main

import (
	"context"
	"encoding/json"
	"sync/atomic"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
)

// mortal is the ledger of the first worker, which crashes or stalls at a point of
// it, once.
type mortal struct {
	checkpoint.Log
	point point
	// happen does not return when the worker dies of it.
	happen func()
	fired  bool
	// dead says that the worker was killed while it was elsewhere.
	dead *atomic.Bool
}

// killed is the panic of a goroutine that plays a process that is killed.
type killed struct{}

// tearer is a log that can leave half of a record.
type tearer interface {
	tear(k checkpoint.Key, data []byte)
}

// Append stores a record, unless something happens.
func (m *mortal) Append(ctx context.Context, k checkpoint.Key, after uint64, data []byte) (uint64, error) {
	m.live()
	var rec events.Effect
	if err := json.Unmarshal(data, &rec); err != nil {
		return 0, err
	}
	switch rec.State {
	case events.EffectIntended:
		m.at(beforeIntent)
		m.half(inIntent, k, data)
	case events.EffectCommitted:
		m.at(beforeReceipt)
		m.half(inReceipt, k, data)
	}
	at, err := m.Log.Append(ctx, k, after, data)
	switch rec.State {
	case events.EffectIntended:
		m.at(afterIntent)
	case events.EffectCommitted:
		m.at(afterReceipt)
	}
	return at, err
}

// Last reads, unless the worker is dead.
func (m *mortal) Last(ctx context.Context, k checkpoint.Key) (checkpoint.Entry, error) {
	m.live()
	return m.Log.Last(ctx, k)
}

func (m *mortal) live() {
	if m.dead != nil && m.dead.Load() {
		panic(killed{})
	}
}

func (m *mortal) at(p point) {
	if m.point == p && !m.fired {
		m.fired = true
		m.happen()
	}
}

func (m *mortal) half(p point, k checkpoint.Key, data []byte) {
	if t, ok := m.Log.(tearer); ok && m.point == p && !m.fired {
		t.tear(k, data)
	}
	m.at(p)
}
