package bus_test

import (
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

func TestCommitIsFenced(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	fence := &bus.Fence{Filter: events.HistoryFilter("default", "j1")}
	out := bus.Out{
		Subject: events.EventSubject("default", "p", "j1", events.KindJob),
		ID:      events.RecordID("default", "j1", 1), Data: []byte("{}"), Fence: fence,
	}
	seq, err := c.Commit(t.Context(), out)
	if err != nil || seq != 1 {
		t.Fatalf("first commit: %d, %v", seq, err)
	}
	out.ID = events.RecordID("default", "j1", 2)
	if _, err := c.Commit(t.Context(), out); !fault.Has(err, fault.BusFenced) {
		t.Fatalf("second commit with the fence of the first: %v, want bus.fenced", err)
	}
	m, err := c.Last(t.Context(), events.StreamEvents, fence.Filter)
	if err != nil || m.Sequence != 1 || string(m.Data) != "{}" {
		t.Fatalf("last record: %+v, %v", m, err)
	}
}
