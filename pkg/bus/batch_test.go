package bus_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

// firsts are the first records of n jobs of their own.
func firsts(prefix string, n int) []bus.Out {
	outs := make([]bus.Out, n)
	for i := range outs {
		job := fmt.Sprintf("%s%d", prefix, i)
		outs[i] = bus.Out{
			Subject: events.EventSubject("default", "p", job, events.KindJob),
			ID:      events.RecordID("default", job, 1), Data: []byte(job),
			Fence: &bus.Fence{Filter: events.HistoryFilter("default", job)},
		}
	}
	return outs
}

// stored checks that a message is where its commit said it is.
func stored(t *testing.T, c *bus.Conn, o bus.Out, seq uint64) {
	t.Helper()
	m, err := c.Get(t.Context(), events.StreamEvents, seq)
	if err != nil || m.Subject != o.Subject || string(m.Data) != string(o.Data) {
		t.Errorf("sequence %d: %+v, %v, want %s", seq, m, err, o.Subject)
	}
}

func TestCommitAll(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // slow disks, busy machines
	defer cancel()
	for _, n := range []int{0, 1, 2, 1000, 1001} {
		outs := firsts(fmt.Sprintf("n%d-", n), n)
		results := c.CommitAll(ctx, outs)
		if len(results) != n {
			t.Fatalf("%d results for %d messages", len(results), n)
		}
		for i, r := range results {
			if r.Err != nil {
				t.Fatalf("message %d of %d: %v", i, n, r.Err)
			}
			if i == 0 || i == n-1 {
				stored(t, c, outs[i], r.Sequence)
			}
		}
	}
}

// One fence that has moved refuses the batch, and does not keep the others back.
func TestCommitAllWithALoser(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	outs := firsts("j", 10)
	taken := outs[4]
	taken.ID, taken.Data = "another", []byte("another")
	if _, err := c.Commit(t.Context(), taken); err != nil {
		t.Fatal(err)
	}
	for i, r := range c.CommitAll(t.Context(), outs) {
		switch {
		case i == 4 && !fault.Has(r.Err, fault.BusFenced):
			t.Errorf("the loser: %v, want bus.fenced", r.Err)
		case i != 4 && r.Err != nil:
			t.Errorf("message %d: %v", i, r.Err)
		case i != 4:
			stored(t, c, outs[i], r.Sequence)
		}
	}
}

// The batch was stored and the answer was lost: each message knows its own.
func TestCommitAllOverABrokenLine(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true})
	p := bustest.NewProxy(t, s)
	c := bustest.ConnectWith(t, bus.Options{URL: p.URL(), Log: bustest.Log(t)})
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	direct := bustest.ConnectWith(t, bus.Options{URL: "nats://" + s.Addr().String(), Log: bustest.Log(t)})
	outs := firsts("j", 20)
	p.Mute()
	result := make(chan []bus.Committed, 1)
	go func() { result <- c.CommitAll(t.Context(), outs) }()
	eventually(t, "the batch is there although nobody says so", func() bool {
		_, err := direct.Get(t.Context(), events.StreamEvents, 20)
		return err == nil
	})
	p.Mend()
	for i, r := range <-result {
		if r.Err != nil || r.Sequence != uint64(i+1) {
			t.Errorf("message %d: sequence %d, %v", i, r.Sequence, r.Err)
		}
	}
	if _, err := direct.Get(t.Context(), events.StreamEvents, 21); !fault.Has(err, fault.BusNotFound) {
		t.Errorf("something was stored twice: %v", err)
	}
}

func TestCommitter(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	g := bus.NewCommitter(c)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	var wg sync.WaitGroup
	for w := range 200 {
		wg.Go(func() {
			last := uint64(0)
			for n := range uint64(5) {
				job := fmt.Sprintf("w%d", w)
				out := bus.Out{
					Subject: events.EventSubject("default", "p", job, events.KindJob),
					ID:      events.RecordID("default", job, n+1), Data: []byte(job),
					Fence: &bus.Fence{Filter: events.HistoryFilter("default", job), Last: last},
				}
				seq, err := g.Commit(t.Context(), out)
				if err != nil {
					t.Errorf("%s: %v", out.ID, err)
					return
				}
				last = seq
			}
			m, err := c.Get(t.Context(), events.StreamEvents, last)
			if err != nil || m.ID != events.RecordID("default", fmt.Sprintf("w%d", w), 5) {
				t.Errorf("writer %d: %+v, %v", w, m, err)
			}
		})
	}
	wg.Wait()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for i, o := range firsts("late", 100) { // more than go straight, and nobody groups them
		wg.Go(func() {
			if _, err := g.Commit(t.Context(), o); err != nil {
				t.Errorf("after the end, %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	n := 0
	err := c.Scan(t.Context(), bus.Scan{Stream: events.StreamEvents}, func(*bus.Message) error { n++; return nil })
	if err != nil || n != 1100 {
		t.Errorf("%d records, want 1100: %v", n, err)
	}
}
