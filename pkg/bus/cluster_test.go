package bus_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

// Three copies of everything on three brokers, one of which goes: what holds on
// one broker holds there.
func TestCluster(t *testing.T) {
	t.Parallel()
	all := bustest.Cluster(t, 3)
	var urls []string
	for _, s := range all {
		urls = append(urls, "nats://"+s.Addr().String())
	}
	c := bustest.ConnectWith(t, bus.Options{
		URL: strings.Join(urls, ","), Timeout: 20 * time.Second, Log: bustest.Log(t),
	})
	for range 2 {
		if err := c.Provision(t.Context(), bus.Streams{Replicas: 3, Derived: bus.DerivedAsync}); err != nil {
			t.Fatal(err)
		}
	}
	clusterFences(t, c)
	clusterReads(t, c)

	var seen tally
	start(t, c, bus.RouterOptions{}, intake(func(_ context.Context, m *bus.Message) error {
		<-time.After(time.Millisecond)
		seen.add(m.ID)
		return nil
	}))
	submit(t, c, 200)
	eventually(t, "some are handled", func() bool { return seen.distinct() > 20 })
	bustest.Shutdown(all[0])
	outs := make([]bus.Out, 100)
	for i := range outs {
		outs[i] = bus.Out{Subject: events.SubmitSubject("default", "p"), ID: fmt.Sprintf("late-%d", i)}
	}
	if err := c.Publish(t.Context(), outs...); err != nil {
		t.Fatalf("with two of three brokers: %v", err)
	}
	eventually(t, "all are handled", func() bool { return seen.distinct() == 300 })
}

// Replicas look at the id before they look at the fence, and races are refused
// with another code than on one broker.
func clusterFences(t *testing.T, c *bus.Conn) {
	t.Helper()
	const writers, revisions = 4, 20
	var won [revisions]atomic.Int32
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for n := range uint64(revisions) {
				_, err := c.Commit(t.Context(), record(events.KindJob, n+1, n, ""))
				if err == nil {
					won[n].Add(1)
				} else if !fault.Has(err, fault.BusFenced) {
					t.Errorf("revision %d: %v", n+1, err)
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
	const last = revisions
	for range 2 {
		if seq, err := c.Commit(t.Context(), record(events.KindJob, last+1, last, "mine")); err != nil || seq != last+1 {
			t.Errorf("one's own write again: sequence %d, %v", seq, err)
		}
	}
}

func clusterReads(t *testing.T, c *bus.Conn) {
	t.Helper()
	filter := events.HistoryFilter("default", "j1")
	eventually(t, "every replica has the last record", func() bool {
		m, err := c.Last(t.Context(), events.StreamEvents, filter)
		return err == nil && m.Sequence == 21 && m.Header[events.HeaderTx] == "mine"
	})
	none := events.HistoryFilter("default", "nobody")
	if _, err := c.Last(t.Context(), events.StreamEvents, none); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("%v, want bus.not_found", err)
	}
	if _, err := c.Get(t.Context(), events.StreamEvents, 1000); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("%v, want bus.not_found", err)
	}
	eventually(t, "a scan finds all records, whatever replica it reads", func() bool {
		n := 0
		err := c.Scan(t.Context(), bus.Scan{Stream: events.StreamEvents}, func(*bus.Message) error { n++; return nil })
		if err != nil || n > 21 {
			t.Fatalf("%d records, want 21: %v", n, err)
		}
		return n == 21
	})
}
