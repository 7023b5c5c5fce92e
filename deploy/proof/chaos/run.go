package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// stuck is how long nothing may happen, when everything works again, before what is
// left counts as stuck.
const stuck = 90 * time.Second

// run submits the jobs while things go wrong, and waits until all have ended.
func (h *hall) run(ctx context.Context, fail context.CancelCauseFunc) (*figures, error) {
	f := &figures{options: h.options, ends: make(map[events.JobState]int), unlike: make(map[string]int)}
	begin := time.Now()
	watching, unwatch := context.WithCancel(ctx)
	var background, mischief sync.WaitGroup
	background.Go(func() { h.watch.run(watching) })
	background.Go(func() { h.person.run(watching) })
	defer background.Wait()
	defer unwatch()

	acts := h.mischief(ctx, fail, &mischief, f)
	err := h.submitAll(ctx, acts, f)
	for _, c := range acts {
		close(c)
	}
	mischief.Wait()
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := h.settle(ctx, f); err != nil {
		return nil, err
	}
	f.took = time.Since(begin)
	f.kills, f.failedStarts = h.fleet.kills, h.fleet.failed
	return f, nil
}

// submitAll submits the jobs in order, as many as may be alive at once, and lets go
// wrong what is to go wrong at each.
func (h *hall) submitAll(ctx context.Context, acts map[string]chan act, f *figures) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	due := h.plan.acts
	slots := make(chan struct{}, 8)
	for i, o := range h.plan.jobs {
		for ; len(due) > 0 && due[0].at <= i; due = due[1:] {
			acts[queueOf(due[0])] <- due[0]
		}
		if err := h.room(ctx, i); err != nil {
			return err
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			h.submit(ctx, i, o, f)
		})
	}
	return nil
}

// room waits until another job may be submitted.
func (h *hall) room(ctx context.Context, submitted int) error {
	for {
		final, _ := h.watch.ended()
		if submitted-final < h.window {
			return nil
		}
		select {
		case <-h.watch.moved:
		case <-time.After(time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// submit submits one job until somebody has it; the key makes that harmless.
func (h *hall) submit(ctx context.Context, n int, o order, f *figures) {
	for ctx.Err() == nil {
		r, err := h.client.Submit(ctx, o.line.name, events.Submission{
			Key: jobKey(n), Files: []events.Source{{URL: h.files + "/" + fileName(n)}},
		})
		if err != nil {
			pause(ctx)
			continue
		}
		f.accept()
		if o.cancel {
			select {
			case <-time.After(o.after):
			case <-ctx.Done():
			}
			cancel(ctx, h.client, r.Job)
		}
		return
	}
}

func jobKey(n int) string { return fmt.Sprintf("chaos-%d", n) }

// mischief runs what goes wrong, one thing at a time for each proxy, and one kill at a
// time. What it returns takes the acts.
func (h *hall) mischief(
	ctx context.Context, fail context.CancelCauseFunc, wg *sync.WaitGroup, f *figures,
) map[string]chan act {
	queues := make(map[string]chan act)
	for _, a := range h.plan.acts {
		q := queueOf(a)
		if queues[q] != nil {
			continue
		}
		c := make(chan act, len(h.plan.acts))
		queues[q] = c
		wg.Go(func() {
			for a := range c {
				if ctx.Err() != nil {
					continue
				}
				if h.verbose {
					fmt.Println(" ", a)
				}
				if err := h.do(ctx, a); err != nil && ctx.Err() == nil {
					fail(fmt.Errorf("%s: %w", a, err))
				}
				f.happened(a)
			}
		})
	}
	return queues
}

func queueOf(a act) string {
	if a.kill {
		return "kill"
	}
	return a.victim
}

// do lets one thing go wrong, and right again.
func (h *hall) do(ctx context.Context, a act) error {
	if a.kill {
		return h.fleet.kill(ctx, a.victim, a.lasts)
	}
	p := h.deps[a.victim]
	if p == nil {
		p = h.fleet.links[a.victim]
	}
	if err := p.Inject(a.fault); err != nil {
		return err
	}
	select {
	case <-time.After(a.lasts):
	case <-ctx.Done():
	}
	return p.Heal()
}

// settle waits until all jobs are final and the queues are empty.
func (h *hall) settle(ctx context.Context, f *figures) error {
	for {
		final, quiet := h.watch.ended()
		if final >= h.jobs {
			break
		}
		if quiet > stuck {
			f.violate("%d of %d jobs have ended and nothing moves:%s", final, h.jobs, h.explain(ctx))
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	deadline := time.Now().Add(stuck)
	for {
		left, err := h.dangling(ctx)
		if err == nil && left == "" {
			return nil
		}
		if time.Now().After(deadline) {
			f.violate("left in the broker:%s %v", left, err)
			return nil
		}
		pause(ctx)
	}
}

// dangling says what is left in the streams that are empty when all is done.
func (h *hall) dangling(ctx context.Context) (string, error) {
	var left strings.Builder
	// The intake keeps a message of its own that is no submission.
	switch m, err := h.watch.conn.Last(ctx, events.StreamIntake, events.AllSubmit); {
	case err == nil:
		fmt.Fprintf(&left, "\n      %s in the intake", m.Subject)
	case !fault.Has(err, fault.BusNotFound):
		return "", err
	}
	for _, s := range []string{
		events.StreamQueue, events.StreamOutcomes, events.StreamControl, events.StreamDead,
	} {
		for at := uint64(1); left.Len() < 2000; {
			m, err := h.watch.conn.Next(ctx, s, events.Root+".>", at)
			if fault.Has(err, fault.BusNotFound) {
				break
			}
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&left, "\n      %s in %s since %s", m.Subject, s, m.Time.Format(time.RFC3339))
			at = m.Sequence + 1
		}
	}
	return left.String(), nil
}

// explain says why jobs are stuck.
func (h *hall) explain(ctx context.Context) string {
	var why strings.Builder
	for job, state := range h.watch.live() {
		e, err := h.client.Explain(ctx, job)
		fmt.Fprintf(&why, "\n%s %s: %+v %v", job, state, e, err)
		if why.Len() > 8000 {
			break
		}
	}
	return why.String()
}
