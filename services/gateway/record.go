package gateway

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// lastRecord returns the newest record of a job. Faults: job.not_found and those of
// the bus.
func (g *Gateway) lastRecord(ctx context.Context, tenant, job string) (*bus.Message, error) {
	m, err := lastRecord(ctx, g.Bus, tenant, job)
	if err == nil {
		g.recent.learn(m, time.Now())
	}
	return m, err
}

func lastRecord(ctx context.Context, b *bus.Conn, tenant, job string) (*bus.Message, error) {
	if !events.ValidToken(job) {
		return nil, noJob(job)
	}
	history := events.HistoryFilter(tenant, job)
	m, err := b.Newest(ctx, events.StreamEvents, history)
	if fault.Has(err, fault.BusNotFound) {
		return nil, noJob(job)
	}
	if err == nil && revisionOf(m) == 0 {
		return lastBehind(ctx, b, job, history)
	}
	return m, err
}

// lastBehind returns the newest record of a job behind which there is something that is
// none: the broker sends an answer wherever it is told to. Such a thing has no revision.
func lastBehind(ctx context.Context, b *bus.Conn, job, history string) (last *bus.Message, err error) {
	err = b.Scan(ctx, bus.Scan{Stream: events.StreamEvents, Filters: []string{history}}, func(m *bus.Message) error {
		if revisionOf(m) != 0 {
			last = m
		}
		return nil
	})
	if err == nil && last == nil {
		err = noJob(job)
	}
	return last, err
}

// jobOf returns the id of the job of a record.
func jobOf(m *bus.Message) string {
	if t, ok := events.Tokens(m.Subject, "events", 4); ok {
		return t[2]
	}
	return ""
}

func noJob(id string) error { return fault.New(fault.JobNotFound, fault.Clip(id, 100), nil) }

// decodeRecord reads the whole record of a message.
func decodeRecord(m *bus.Message) (*events.Record, error) {
	var rec events.Record
	if err := json.Unmarshal(m.Data, &rec); err != nil {
		return nil, fault.New(fault.InternalBug, "decode a record", err)
	}
	return &rec, nil
}

// revisionOf returns the revision of a record from its header, or from its data when
// another program left the header out. It is 0 when there is none.
func revisionOf(m *bus.Message) uint64 {
	if n, err := strconv.ParseUint(m.Header[events.HeaderRevision], 10, 64); err == nil {
		return n
	}
	var rec struct {
		Revision uint64 `json:"revision"`
	}
	// What cannot be read has no revision.
	_ = json.Unmarshal(m.Data, &rec)
	return rec.Revision
}

// typeOf returns what a record says has happened, like [revisionOf].
func typeOf(m *bus.Message) string {
	if name := events.RecordType(m.Header[events.HeaderCEType]); name != "" {
		return name
	}
	var rec struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(m.Data, &rec)
	return rec.Type
}

// stateOf returns the job's state after a record, like [revisionOf].
func stateOf(m *bus.Message) events.JobState {
	if s := m.Header[events.HeaderState]; s != "" {
		return events.JobState(s)
	}
	var rec struct {
		Job struct {
			State events.JobState `json:"state"`
		} `json:"job"`
	}
	_ = json.Unmarshal(m.Data, &rec)
	return rec.Job.State
}

func isFinal(m *bus.Message) bool { return flow.Final(stateOf(m)) }
