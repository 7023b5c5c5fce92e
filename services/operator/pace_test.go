package operator

import (
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
)

func TestPaceRampsAndYields(t *testing.T) {
	t.Parallel()
	at := time.Unix(0, 0)
	p := newPace(100, time.Second, at)
	if n := p.take(at, 1000); n != 1 {
		t.Errorf("%d at once", n)
	}
	begun := 0
	for second := 1; second <= 5; second++ {
		for range 10 {
			at = at.Add(100 * time.Millisecond)
			n := p.take(at, 1000)
			if begun += n; n > 25 {
				t.Errorf("%d at once", n)
			}
		}
	}
	// 10, 20, 40, 80 and then 100 a second.
	if p.now != 100 || begun < 200 || begun > 260 {
		t.Errorf("%d in 5 s, now %v a second", begun, p.now)
	}
	p.failure()
	p.take(at.Add(time.Second), 1000)
	if p.now != 50 {
		t.Errorf("after a failure %v a second", p.now)
	}
	for range 9 {
		at = at.Add(2 * time.Second)
		p.failure()
		p.take(at, 0)
	}
	if p.now != 10 {
		t.Errorf("after many %v a second", p.now)
	}
	// Nothing is made up for.
	if n := p.take(at.Add(time.Hour), 1000); n > 3 {
		t.Errorf("%d after an hour", n)
	}
}

func TestWindow(t *testing.T) {
	t.Parallel()
	var w window
	for range windowLeast - 1 {
		w.add(true)
	}
	if w.over(20) {
		t.Error("too few to tell")
	}
	w.add(true)
	if !w.over(20) || w.over(100) {
		t.Error("all of them failed")
	}
	for range windowSize - 10 {
		w.add(false)
	}
	if w.over(20) {
		t.Errorf("%d of %d failed", w.failed, w.n)
	}
	for range windowSize {
		w.add(false)
	}
	if w.failed != 0 {
		t.Errorf("%d failures are remembered for ever", w.failed)
	}
}

func TestBoard(t *testing.T) {
	t.Parallel()
	b := newBoard()
	say := func(worker, value string) { b.hear(&bus.Entry{Key: worker, Value: []byte(value)}) }
	is := func(want circuit) {
		t.Helper()
		if got := b.circuit("d"); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
	is(circuitClosed)
	say("w", `{"dependency":"d","state":"open","time":"2026-01-01T00:00:00Z","until":"2026-01-01T00:01:00Z"}`)
	is(circuitOpen) // whatever the clock of the worker says
	say("v", `{"dependency":"d","state":"closed","time":"2026-01-01T00:00:00Z"}`)
	is(circuitOpen)
	say("w", `{"dependency":"d","state":"open","time":"2026-01-01T00:00:00Z","until":"2026-01-01T00:00:00Z"}`)
	is(circuitProbing)
	say("w", `rubbish`)
	is(circuitProbing)
	say("w", `{"dependency":"d","state":"closed","time":"2026-01-01T00:00:00Z"}`)
	is(circuitClosed)
	b.hear(nil)
	if b.circuit("other") != circuitClosed {
		t.Error("nobody speaks of the other")
	}
}

func TestOutageIsWhatTheRulingSays(t *testing.T) {
	t.Parallel()
	in := events.Input{Outcome: &events.AttemptOutcome{Fault: &events.Fault{Code: "x.y", Class: "transient"}}}
	if _, bad := outage(in); bad {
		t.Error("transient is no outage")
	}
	in.Ruling = &events.Ruling{Class: "dependency_down"}
	if _, bad := outage(in); !bad {
		t.Error("a rule says that it is")
	}
	if _, bad := outage(events.Input{}); bad {
		t.Error("nothing has failed")
	}
}
