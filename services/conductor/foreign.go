package conductor

import (
	"context"
	"encoding/json"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
)

// recordIn reads a record. foreign is true for what no conductor has written: the broker
// sends an answer wherever it is told to, even into the history of a job. Each record
// has its transaction, in its header and in itself; an answer has none.
func recordIn(m *bus.Message) (r events.Record, foreign bool, err error) {
	err = json.Unmarshal(m.Data, &r)
	switch {
	case err == nil:
		return r, r.Tx == "" && r.Revision == 0, nil
	case m.Header[events.HeaderTx] == "":
		return events.Record{}, true, nil
	}
	return events.Record{}, false, fault.New(fault.InternalBug, "read a record at "+fault.Clip(m.Subject, 200), err)
}

// readPast loads the newest record of a job behind which there is something foreign. The
// next record goes behind all of that.
func (c *Conductor) readPast(ctx context.Context, e *entry, history string) error {
	e.known, e.sequence, e.revision, e.job = false, 0, 0, events.Job{}
	strangers := 0
	err := c.Broker.Scan(ctx, bus.Scan{Stream: events.StreamEvents, Filters: []string{history}}, func(m *bus.Message) error {
		r, foreign, err := recordIn(m)
		if err != nil {
			return err
		}
		e.sequence = m.Sequence
		if foreign {
			strangers++
			return nil
		}
		e.revision, e.job = r.Revision, r.Job
		return nil
	})
	if err != nil {
		return err
	}
	e.known = true
	c.Log.Warn("somebody has had the broker put something into the history of a job; it is passed over",
		"tenant", e.key.tenant, "job", e.key.job, "messages", strangers)
	return nil
}
