package main

import (
	"context"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// trial is one effect from its first worker to the end.
type trial struct {
	plan
	hall *hall
	// attempts counts all that were made after the first worker's.
	attempts int
	number   int
	// end is what the last of them said, zombie what became of a worker that had
	// stalled, and word what a person said.
	end, zombie outcome
	word        events.Settlement
	// requests, made and state are what the service and the ledger say before a
	// person was asked; final is what the service says after it.
	requests, made, final int
	state                 events.EffectState
}

// tries is how many attempts an effect gets.
const tries = 60

func (t *trial) run(ctx context.Context) {
	first, err := t.begin(ctx)
	if err != nil {
		t.end = died(err)
		return
	}
	stalls := false
	select {
	case <-first.held():
		stalls = true
	case <-first.done():
	}
	t.number = 2
	if t.Same {
		t.number = 1
	}
	t.end = t.settle(ctx, "")
	first.release()
	<-first.done()
	if t.Zombie && stalls {
		t.zombie = first.outcome()
	}
	t.requests, t.made = t.hall.service.count(t.id())
	_, t.state, _ = t.attempt(t.number, "").chain(t.hall.log(t.plan)).Made(ctx, "call") // empty is judged
	if t.end.unknown() {
		t.ask(ctx)
	}
	_, t.final = t.hall.service.count(t.id())
}

// begin starts the first worker. What is to happen to it in its call is left to the
// service.
func (t *trial) begin(ctx context.Context) (w worker, err error) {
	if t.Point == beforeCount || t.Point == afterCount {
		ready := make(chan struct{})
		defer close(ready)
		t.hall.service.lay(t.id(), ambush{t.Point, func() bool {
			<-ready
			if t.Zombie {
				w.stall()
				return false
			}
			w.die()
			return true
		}})
	}
	return t.hall.start(ctx, t.attempt(1, firstWorker), true)
}

func (t *trial) attempt(n int, worker string) attempt {
	return attempt{Plan: t.plan, Service: t.hall.service.URL, Number: n, Worker: worker}
}

// settle makes attempts until the effect is settled.
func (t *trial) settle(ctx context.Context, word events.Settlement) outcome {
	var out outcome
	for range tries {
		t.attempts++
		a := t.attempt(t.number, "next")
		a.Settle = word
		w, err := t.hall.start(ctx, a, false)
		if err != nil {
			return died(err)
		}
		<-w.done()
		out = w.outcome()
		if out.done() || out.unknown() || ctx.Err() != nil {
			return out
		}
		if out.Code != fault.CheckpointOvertaken { // that is no answer: it is delivered again
			t.number++
		}
		time.Sleep(max(out.RetryAfter, 10*time.Millisecond))
	}
	return out
}

// ask has a person look at the service and say what is true.
func (t *trial) ask(ctx context.Context) {
	t.word = events.SettleNotDone
	if t.made > 0 {
		t.word = events.SettleDone
	}
	t.number++
	t.end = t.settle(ctx, t.word)
}

// said reports whether anybody said that the effect is unknown.
func (t *trial) said() bool { return t.word != "" || t.zombie.unknown() }

// violation says what is wrong with how the effect has ended; empty is right.
func (t *trial) violation() string {
	switch {
	case t.final > 1 && !t.said():
		return "it was made more than once and nobody said so"
	case !t.end.done():
		return "it was never settled: " + t.end.Message
	case t.final == 0:
		return "it is committed and was never made"
	case t.word == "" && t.state != events.EffectCommitted:
		return "it was made and the ledger says " + string(t.state)
	case t.word != "" && t.final != 1:
		return "it was made more than once, though a person said what is true"
	}
	return ""
}
