package bus_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/bus/bustest"
)

// TestBackward pages through the records of one job among many, newest first.
func TestBackward(t *testing.T) {
	t.Parallel()
	c := bustest.Conn(t)
	of := func(job string) bus.Backward {
		return bus.Backward{Stream: events.StreamEvents, Filter: events.HistoryFilter("default", job), Before: math.MaxUint64}
	}
	never := func(m *bus.Message) bool {
		t.Errorf("message %d", m.Sequence)
		return true
	}
	if rest, err := c.Backward(t.Context(), of("j1"), never); rest != 0 || err != nil {
		t.Fatalf("an empty stream: %d, %v", rest, err)
	}
	history(t, c, 20, 1, 40)
	var got, want []string
	for i := 40; i > 0; i-- {
		want = append(want, fmt.Sprintf("j1/%d", i))
	}
	b := of("j1")
	for pages := 0; pages == 0 || b.Before != 0; pages++ {
		took := 0
		rest, err := c.Backward(t.Context(), b, func(m *bus.Message) bool {
			if took == 7 {
				return false
			}
			took++
			got = append(got, string(m.Data))
			return true
		})
		if err != nil || pages > 10 {
			t.Fatalf("page %d: %v", pages, err)
		}
		b.Before = rest
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if rest, err := c.Backward(t.Context(), of("absent"), never); rest != 0 || err != nil {
		t.Errorf("no such job: %d, %v", rest, err)
	}
}
