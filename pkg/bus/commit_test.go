package bus_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

// record is revision n of a job, written by tx when the last record was last.
func record(kind string, n, last uint64, tx string) bus.Out {
	out := bus.Out{
		Subject: events.EventSubject("default", "p", "j1", kind),
		ID:      events.RecordID("default", "j1", n), Data: []byte(tx),
		Fence: &bus.Fence{Filter: events.HistoryFilter("default", "j1"), Last: last},
	}
	if tx != "" {
		out.Header = map[string]string{events.HeaderTx: tx}
	}
	return out
}

func TestCommitIsFenced(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	commit := func(out bus.Out) (uint64, error) { return c.Commit(t.Context(), out) }
	for i, kind := range []string{events.KindJob, events.KindStep, events.KindStep, events.KindJob} {
		seq, err := commit(record(kind, uint64(i+1), uint64(i), ""))
		if err != nil || seq != uint64(i+1) {
			t.Fatalf("record %d: sequence %d, %v", i+1, seq, err)
		}
	}
	for last := range uint64(4) {
		// another kind, so another subject, and another id: only the fence counts
		out := record(events.KindUndo, 100+last, last, "")
		if _, err := commit(out); !fault.Has(err, fault.BusFenced) {
			t.Errorf("a writer that saw %d of 4 records: %v, want bus.fenced", last, err)
		}
	}
	m, err := c.Last(t.Context(), events.StreamEvents, events.HistoryFilter("default", "j1"))
	if err != nil || m.Sequence != 4 || m.Stream != events.StreamEvents || m.Time.IsZero() ||
		m.Subject != events.EventSubject("default", "p", "j1", events.KindJob) {
		t.Errorf("last record: %+v, %v", m, err)
	}
	other := record(events.KindJob, 1, 0, "")
	other.Subject = events.EventSubject("default", "p", "j2", events.KindJob)
	other.ID, other.Fence.Filter = "j2/1", events.HistoryFilter("default", "j2")
	if _, err := commit(other); err != nil {
		t.Errorf("another job: %v", err)
	}
}

// The write arrived, the answer did not: the same write again is a success.
func TestCommitKnowsItsOwnWrite(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	for range 3 {
		seq, err := c.Commit(t.Context(), record(events.KindJob, 1, 0, "tx-a"))
		if err != nil || seq != 1 {
			t.Fatalf("sequence %d, %v", seq, err)
		}
	}
	_, err := c.Commit(t.Context(), record(events.KindJob, 1, 0, "tx-b"))
	if !fault.Has(err, fault.BusFenced) {
		t.Errorf("another writer of the same record: %v, want bus.fenced", err)
	}
	// Once a third has written, one's own lost answer is a conflict as well.
	if _, err := c.Commit(t.Context(), record(events.KindJob, 2, 1, "tx-c")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), record(events.KindJob, 1, 0, "tx-a")); !fault.Has(err, fault.BusFenced) {
		t.Errorf("a write that is no longer the last: %v, want bus.fenced", err)
	}
}

// Two writers of the same revision use the same id. The second must not take
// the answer "duplicate" for its own success.
func TestCommitDoesNotTrustADuplicate(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	if _, err := c.Commit(t.Context(), record(events.KindJob, 1, 0, "tx-a")); err != nil {
		t.Fatal(err)
	}
	same := record(events.KindJob, 1, 1, "tx-b")
	if _, err := c.Commit(t.Context(), same); !fault.Has(err, fault.BusFenced) {
		t.Errorf("the id of another writer: %v, want bus.fenced", err)
	}
	same = record(events.KindJob, 1, 1, "tx-a")
	if seq, err := c.Commit(t.Context(), same); err != nil || seq != 1 {
		t.Errorf("one's own id: sequence %d, %v", seq, err)
	}
}

func TestCommitOverABrokenLine(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true})
	p := bustest.NewProxy(t, s)
	c := bustest.ConnectWith(t, bus.Options{URL: p.URL(), Log: bustest.Log(t)})
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	direct := bustest.ConnectWith(t, bus.Options{URL: "nats://" + s.Addr().String(), Log: bustest.Log(t)})
	for n := range uint64(3) {
		p.Mute()
		result := make(chan error, 1)
		go func() {
			// without a transaction of its own: Commit makes one
			seq, err := c.Commit(t.Context(), record(events.KindJob, n+1, n, ""))
			if err == nil && seq != n+1 {
				err = fmt.Errorf("sequence %d", seq)
			}
			result <- err
		}()
		eventually(t, "the record is there although nobody says so", func() bool {
			_, err := direct.Get(t.Context(), events.StreamEvents, n+1)
			return err == nil
		})
		p.Mend()
		if err := <-result; err != nil {
			t.Fatalf("record %d: %v", n+1, err)
		}
	}
}

func TestCommitTimesOut(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true})
	p := bustest.NewProxy(t, s)
	c := bustest.ConnectWith(t, bus.Options{URL: p.URL(), Log: bustest.Log(t)})
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	p.Mute()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Commit(ctx, record(events.KindJob, 1, 0, "")); !fault.Has(err, fault.BusTimeout) {
		t.Errorf("%v, want bus.timeout", err)
	}
}

// Many writers move one job; each revision is written by one of them.
func TestCommitRaces(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	const writers, revisions = 8, 50
	var won [revisions]atomic.Int32
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range uint64(revisions) {
				kind := []string{events.KindJob, events.KindStep}[w%2]
				_, err := c.Commit(t.Context(), record(kind, n+1, n, ""))
				if err == nil {
					won[n].Add(1)
				} else if !fault.Has(err, fault.BusFenced) {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	for n := range won {
		if got := won[n].Load(); got != 1 {
			t.Errorf("revision %d was written by %d", n+1, got)
		}
	}
}
