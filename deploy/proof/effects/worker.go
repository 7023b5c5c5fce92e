package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/stage"
)

// worker is one worker at an effect: a goroutine or a process.
type worker interface {
	// held is closed when it stalls, and done when it has ended; outcome may be
	// asked then.
	held() <-chan struct{}
	done() <-chan struct{}
	outcome() outcome
	// die and release are what a service does that knows how to hurt: they kill the
	// worker, and let one go on that stalls.
	die()
	stall()
	release()
}

// hall is where workers come from.
type hall struct {
	service *service
	stage   stage.Stage
	memory  checkpoint.Log
	files   fileLog
}

// log is the ledger of a plan's effect.
func (h *hall) log(p plan) checkpoint.Log {
	if p.Real {
		return h.files
	}
	return h.memory
}

// start starts a worker; the first one at an effect meets what the plan says.
func (h *hall) start(ctx context.Context, a attempt, first bool) (worker, error) {
	if a.Plan.Real {
		return h.startProcess(ctx, a, first)
	}
	w := &goroutine{stalling: newStalling(a.Plan.Hold), end: make(chan struct{})}
	l := h.memory
	if first {
		l = &mortal{Log: l, point: a.Plan.Point, dead: &w.dead, happen: func() {
			if a.Plan.Zombie {
				w.stall()
				return
			}
			panic(killed{})
		}}
	}
	go func() {
		defer close(w.end)
		w.out = a.run(ctx, h.stage, l)
	}()
	return w, nil
}

// goroutine is a worker in this process.
type goroutine struct {
	*stalling
	dead atomic.Bool
	end  chan struct{}
	out  outcome
}

func (g *goroutine) done() <-chan struct{} { return g.end }
func (g *goroutine) die()                  { g.dead.Store(true) }

// outcome is that of a worker that has ended. One that was killed says nothing,
// whatever it came to.
func (g *goroutine) outcome() outcome {
	if g.dead.Load() {
		return outcome{Died: true}
	}
	return g.out
}

// stalling is a worker's stall: for a time, or until it is released.
type stalling struct {
	hold time.Duration
	in   chan struct{}
	out  chan struct{}
}

func newStalling(hold time.Duration) *stalling {
	return &stalling{hold: hold, in: make(chan struct{}), out: make(chan struct{})}
}

func (s *stalling) held() <-chan struct{} { return s.in }

// release may be called once.
func (s *stalling) release() { close(s.out) }

// stall returns when the worker may go on. It is called once.
func (s *stalling) stall() {
	close(s.in)
	if s.hold == 0 {
		<-s.out
		return
	}
	t := time.NewTimer(s.hold)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.out:
	}
}
