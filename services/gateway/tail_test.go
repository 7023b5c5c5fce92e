package gateway

import (
	"strconv"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/webhook"
)

// TestTailCutsWhoIsTooSlow hands on more than a reader may leave lying about; the
// others see everything.
func TestTailCutsWhoIsTooSlow(t *testing.T) {
	t.Parallel()
	all := eventFilter{Filter: webhook.Filter{Types: []string{"*"}}}
	slow := &tailReader{tenant: "a", filter: all, events: make(chan placed, tailBuffer)}
	quick := &tailReader{tenant: "a", filter: all, events: make(chan placed, 2*tailBuffer)}
	other := &tailReader{tenant: "b", filter: all, events: make(chan placed, 1)}
	turn := &tailTurn{}
	tl := &tail{readers: map[*tailReader]bool{slow: true, quick: true, other: true}, turn: turn, recent: &recent{}}
	const n = tailBuffer + 10
	for i := range n {
		err := tl.hand(turn, &bus.Message{
			Subject: events.EventSubject("a", "p", "j", events.KindJob), Sequence: uint64(i + 1),
			Data: []byte(`{"type":"job.accepted","revision":` + strconv.Itoa(i+1) + `}`),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		r    *tailReader
		want int
		cut  bool
	}{"slow": {slow, tailBuffer, true}, "quick": {quick, n, false}, "other": {other, 0, false}} {
		if got := len(c.r.events); got != c.want || tl.readers[c.r] == c.cut {
			t.Errorf("%s: %d events, cut %t; want %d and %t", name, got, !tl.readers[c.r], c.want, c.cut)
		}
	}
	for range tailBuffer {
		<-slow.events
	}
	if _, ok := <-slow.events; ok {
		t.Error("the slow reader is given more")
	}
	tl.leave(slow) // it may leave after it was cut
	if turn.place != n {
		t.Errorf("place %d, want %d", turn.place, n)
	}
	if err := tl.hand(&tailTurn{}, &bus.Message{}); err == nil {
		t.Error("a turn that is over still hands on")
	}
}
