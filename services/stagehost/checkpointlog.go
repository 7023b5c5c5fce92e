package stagehost

import (
	"context"
	"crypto/rand"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

// brokerLog keeps checkpoints and effects in the stream made for them.
type brokerLog struct{ Broker }

var _ checkpoint.Log = brokerLog{}

func subjectOf(k checkpoint.Key) string {
	if k.Effect != "" {
		return events.EffectSubject(k.Tenant, k.Job, k.Step, k.Effect)
	}
	return events.CheckpointSubject(k.Tenant, k.Job, k.Step)
}

// Append commits a record behind the fence of its subject.
func (l brokerLog) Append(ctx context.Context, k checkpoint.Key, after uint64, data []byte) (uint64, error) {
	subject := subjectOf(k)
	at, err := l.Commit(ctx, bus.Out{
		Subject: subject, ID: subject + "/" + rand.Text(), Data: data,
		Header: map[string]string{events.HeaderContentType: events.ContentTypeJSON},
		Fence:  &bus.Fence{Filter: subject, Last: after},
	})
	if fault.Has(err, fault.BusFenced) {
		return 0, fault.New(fault.CheckpointOvertaken, "step "+k.Step, err)
	}
	return at, err
}

// Last reads the newest record of a subject.
func (l brokerLog) Last(ctx context.Context, k checkpoint.Key) (checkpoint.Entry, error) {
	m, err := l.Broker.Last(ctx, events.StreamCheckpoints, subjectOf(k))
	if fault.Has(err, fault.BusNotFound) {
		return checkpoint.Entry{}, fault.New(fault.CheckpointNone, "step "+k.Step, nil)
	}
	if err != nil {
		return checkpoint.Entry{}, err
	}
	return checkpoint.Entry{Position: m.Sequence, Data: m.Data}, nil
}

// Kept reads all records of a subject, one by one: there are few, and a worker has no
// right to make a consumer.
func (l brokerLog) Kept(ctx context.Context, k checkpoint.Key) (kept []checkpoint.Entry, err error) {
	for next := uint64(1); ; {
		m, err := l.Next(ctx, events.StreamCheckpoints, subjectOf(k), next)
		if fault.Has(err, fault.BusNotFound) {
			return kept, nil
		}
		if err != nil {
			return nil, err
		}
		kept = append(kept, checkpoint.Entry{Position: m.Sequence, Data: m.Data})
		next = m.Sequence + 1
	}
}
