package stagetest

import (
	"context"
	"encoding/json"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
)

// Notes of an append. Other records of the chain are named by their kind, and of
// an effect by its state.
const (
	noteSave    = string(events.CheckpointSave)
	noteIntent  = "intent"
	noteReceipt = "receipt"
)

// gatedLog is a log as one process sees it.
type gatedLog struct {
	checkpoint.Log
	g *gate
}

// Append passes the gate.
func (l gatedLog) Append(
	ctx context.Context, k checkpoint.Key, after uint64, data []byte,
) (at uint64, err error) {
	err = l.g.do(verbAppend, whatIs(k, data), func() error {
		at, err = l.Log.Append(ctx, k, after, data)
		return err
	})
	return at, err
}

// Last passes the gate.
func (l gatedLog) Last(ctx context.Context, k checkpoint.Key) (e checkpoint.Entry, err error) {
	err = l.g.do("look at the last record", k.Effect, func() error {
		e, err = l.Log.Last(ctx, k)
		return err
	})
	return e, err
}

// Kept passes the gate.
func (l gatedLog) Kept(ctx context.Context, k checkpoint.Key) (list []checkpoint.Entry, err error) {
	err = l.g.do("look at the records", k.Effect, func() error {
		list, err = l.Log.Kept(ctx, k)
		return err
	})
	return list, err
}

// whatIs names a record.
func whatIs(k checkpoint.Key, data []byte) string {
	if k.Effect == "" {
		var c events.Checkpoint
		if json.Unmarshal(data, &c) != nil {
			return "no record"
		}
		return string(c.Kind)
	}
	var e events.Effect
	switch {
	case json.Unmarshal(data, &e) != nil:
		return "no record"
	case e.State == events.EffectIntended:
		return noteIntent
	case e.State == events.EffectCommitted:
		return noteReceipt
	}
	return string(e.State)
}
