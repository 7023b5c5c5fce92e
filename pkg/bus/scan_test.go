package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/fault"
)

// history stores n records of each of some jobs, in turn, from revision first.
func history(t *testing.T, c *bus.Conn, jobs, first, n int) {
	t.Helper()
	var outs []bus.Out
	for i := range n {
		for j := range jobs {
			kind := []string{events.KindJob, events.KindStep}[i%2]
			job := fmt.Sprintf("j%d", j)
			outs = append(outs, bus.Out{
				Subject: events.EventSubject("default", "p", job, kind),
				ID:      events.RecordID("default", job, uint64(first+i)),
				Header:  map[string]string{events.HeaderRevision: fmt.Sprint(first + i)},
				Data:    fmt.Appendf(nil, "%s/%d", job, first+i),
			})
		}
	}
	if err := c.Publish(t.Context(), outs...); err != nil {
		t.Fatal(err)
	}
}

// scanned returns the data of all messages of a scan.
func scanned(t *testing.T, c *bus.Conn, s bus.Scan) []string {
	t.Helper()
	var out []string
	err := c.Scan(t.Context(), s, func(m *bus.Message) error {
		out = append(out, string(m.Data))
		return nil
	})
	if err != nil {
		t.Fatalf("scan %+v: %v", s, err)
	}
	return out
}

func TestScan(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	all := bus.Scan{Stream: events.StreamEvents}
	if got := scanned(t, c, all); len(got) != 0 {
		t.Fatalf("an empty stream holds %v", got)
	}
	history(t, c, 3, 1, 4)
	of := func(jobs ...string) (filters []string) {
		for _, j := range jobs {
			filters = append(filters, events.HistoryFilter("default", j))
		}
		return filters
	}
	cases := map[string]struct {
		scan bus.Scan
		want string
	}{
		"everything": {bus.Scan{}, "j0/1 j1/1 j2/1 j0/2 j1/2 j2/2 j0/3 j1/3 j2/3 j0/4 j1/4 j2/4"},
		"one job":    {bus.Scan{Filters: of("j1")}, "j1/1 j1/2 j1/3 j1/4"},
		"two jobs":   {bus.Scan{Filters: of("j0", "j2")}, "j0/1 j2/1 j0/2 j2/2 j0/3 j2/3 j0/4 j2/4"},
		"from":       {bus.Scan{From: 11}, "j1/4 j2/4"},
		"past end":   {bus.Scan{From: 100}, ""},
		"no such":    {bus.Scan{Filters: of("j9")}, ""},
		"last":       {bus.Scan{LastPerSubject: true}, "j0/3 j1/3 j2/3 j0/4 j1/4 j2/4"},
		"last of one": {bus.Scan{
			LastPerSubject: true, Filters: []string{events.EventSubject("default", "*", "j1", events.KindJob)},
		}, "j1/3"},
		"headers": {bus.Scan{HeadersOnly: true, From: 11}, " "},
	}
	for name, tc := range cases {
		tc.scan.Stream = events.StreamEvents
		if got := strings.Join(scanned(t, c, tc.scan), " "); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestScanGivesWholeMessages(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	history(t, c, 1, 1, 2)
	last, err := c.Last(t.Context(), events.StreamEvents, events.HistoryFilter("default", "j0"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Get(t.Context(), events.StreamEvents, 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(last, second); diff != "" {
		t.Errorf("last and get differ:\n%s", diff)
	}
	var got []*bus.Message
	keep := func(m *bus.Message) error { got = append(got, m); return nil }
	if err := c.Scan(t.Context(), bus.Scan{Stream: events.StreamEvents}, keep); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(last, got[1]); diff != "" {
		t.Errorf("last and scan differ:\n%s", diff)
	}
	if len(last.Header) != 2 || last.ID != events.RecordID("default", "j0", 2) {
		t.Errorf("%+v", last)
	}
}

func TestScanOfManyEndsThoughMoreComes(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	history(t, c, 10, 1, 200)
	n := 0
	err := c.Scan(t.Context(), bus.Scan{Stream: events.StreamEvents}, func(m *bus.Message) error {
		n++
		if m.Sequence != uint64(n) {
			return fmt.Errorf("message %d has sequence %d", n, m.Sequence)
		}
		if n%100 == 0 {
			history(t, c, 1, 1000+n, 1)
		}
		return nil
	})
	if err != nil || n != 2000 {
		t.Errorf("%d messages, want 2000: %v", n, err)
	}
}

// What was there at the start is removed while it is read.
func TestScanOfAVanishingStream(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	history(t, c, 1, 1, 1000)
	n := 0
	err := c.Scan(t.Context(), bus.Scan{Stream: events.StreamEvents}, func(*bus.Message) error {
		if n++; n == 10 {
			return c.Purge(t.Context(), events.StreamEvents, "")
		}
		return nil
	})
	if err != nil || n < 10 {
		t.Errorf("%d messages: %v", n, err)
	}
}

func TestScanErrors(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	history(t, c, 1, 1, 10)
	boom := errors.New("boom")
	n := 0
	err := c.Scan(t.Context(), bus.Scan{Stream: events.StreamEvents}, func(*bus.Message) error { n++; return boom })
	if !errors.Is(err, boom) || n != 1 {
		t.Errorf("%v after %d messages, want the error of fn after one", err, n)
	}
	for _, follow := range []bool{false, true} {
		err = c.Scan(t.Context(), bus.Scan{Stream: "NOTHING", Follow: follow}, nil)
		if !fault.Has(err, fault.BusNotFound) {
			t.Errorf("no such stream: %v, want bus.not_found", err)
		}
	}
	err = c.Scan(t.Context(), bus.Scan{
		Stream: events.StreamEvents, Filters: []string{events.AllEvents, events.HistoryFilter("default", "j0")},
	}, nil)
	if !fault.Has(err, fault.BusBadSubscription) {
		t.Errorf("filters that overlap: %v, want bus.bad_subscription", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = c.Scan(ctx, bus.Scan{Stream: events.StreamEvents, Follow: true}, func(m *bus.Message) error {
		if m.Sequence == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the end of ctx: %v", err)
	}
}

// Follow goes on with what comes, over restarts, without a gap or a repetition.
func TestScanFollows(t *testing.T) {
	t.Parallel()
	r := newRestarts(t)
	c := r.connect()
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	history(t, c, 1, 1, 50)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var seqs []uint64
	ended := make(chan error, 1)
	go func() {
		ended <- c.Scan(ctx, bus.Scan{Stream: events.StreamEvents, Follow: true, From: 11}, func(m *bus.Message) error {
			mu.Lock()
			defer mu.Unlock()
			seqs = append(seqs, m.Sequence)
			return nil
		})
	}()
	seen := func(n int) func() bool {
		return func() bool { mu.Lock(); defer mu.Unlock(); return len(seqs) >= n }
	}
	eventually(t, "what was there", seen(40))
	history(t, c, 1, 51, 50)
	eventually(t, "what came", seen(90))
	r.down()
	r.up()
	history(t, c, 1, 101, 50)
	eventually(t, "what came after the restart", seen(140))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for i, seq := range seqs {
		if seq != uint64(i+11) {
			t.Fatalf("message %d has sequence %d", i, seq)
		}
	}
}

func TestScanOverABrokenLine(t *testing.T) {
	t.Parallel()
	s := bustest.Server(t, bustest.ServerOptions{Listen: true})
	p := bustest.NewProxy(t, s)
	c := bustest.ConnectWith(t, bus.Options{URL: p.URL(), Timeout: time.Second, Log: bustest.Log(t)})
	if err := c.Provision(t.Context(), bus.Streams{}); err != nil {
		t.Fatal(err)
	}
	history(t, c, 10, 1, 200)
	n := uint64(0)
	err := c.Scan(t.Context(), bus.Scan{Stream: events.StreamEvents}, func(m *bus.Message) error {
		if n++; m.Sequence != n {
			return fmt.Errorf("message %d has sequence %d", n, m.Sequence)
		}
		if n%400 == 0 {
			p.Cut()
			p.Mend()
		}
		return nil
	})
	if err != nil || n != 2000 {
		t.Errorf("%d messages, want 2000: %v", n, err)
	}
}
