package stagehost

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// remembered is how long a cancel signal is kept, for tasks that were queued
// when it came. Older tasks are held against the job's record.
const remembered = 10 * time.Minute

// skew is how far the broker's clock may be from ours before a task is wrongly
// taken to be younger than our subscription.
const skew = 2 * time.Second

// Watch listens to cancel signals and to breakers, and reports progress, until ctx ends. ready is
// closed when no further signal can be missed.
func (h *Host) Watch(ctx context.Context, ready chan<- struct{}) error {
	stop, err := h.Broker.Subscribe(events.AllCancelled, h.seeCancel)
	if err != nil {
		return err
	}
	defer stop()
	if h.Breakers != nil {
		defer h.Breakers.Observe(func(c breaker.Change) { h.changed(c.Dependency) })()
	}
	h.Missed()
	close(ready)
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			h.sendProgress()
			if n%64 == 0 {
				h.forgetOld()
			}
		}
	}
}

// Missed says that cancel signals may have been missed up to now, because the
// connection was cut: tasks older than this are held against the job's record.
func (h *Host) Missed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watching = time.Now()
}

// seeCancel stops what runs of a job, and what of it is still to come.
func (h *Host) seeCancel(m *bus.Message) {
	t, ok := events.Tokens(m.Subject, "cancelled", 2)
	if !ok {
		return
	}
	k := jobKey{t[0], t[1]}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped[k] = time.Now()
	for a := range h.running {
		if a.task.Tenant == k.tenant && a.task.Job == k.job && !a.task.Undo {
			a.stop(fault.New(fault.JobCancelled, "", nil))
		}
	}
}

func (h *Host) isStopped(k jobKey) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.stopped[k]
	return ok
}

func (h *Host) forgetOld() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, at := range h.stopped {
		if time.Since(at) > remembered {
			delete(h.stopped, k)
		}
	}
}

// begin notes a running attempt. A cancel that came while it was being checked
// is not lost: the attempt is stopped at once.
func (h *Host) begin(a *attempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running[a] = struct{}{}
	if _, ok := h.stopped[jobKey{a.task.Tenant, a.task.Job}]; ok && !a.task.Undo {
		a.stop(fault.New(fault.JobCancelled, "", nil))
	}
}

func (h *Host) end(a *attempt) {
	h.mu.Lock()
	delete(h.running, a)
	h.mu.Unlock()
	if a.meter.reports.Load() > 0 {
		h.publishProgress(a)
	}
}

// stale reports whether the job's record no longer expects the task. The record
// is only read when the task may be old: delivered before, or published before
// we listened to cancel signals.
func (h *Host) stale(ctx context.Context, m *bus.Message, task events.Task) (bool, error) {
	h.mu.Lock()
	young := m.Delivered <= 1 && !h.watching.IsZero() && m.Time.After(h.watching.Add(skew))
	h.mu.Unlock()
	if young {
		return false, nil
	}
	last, err := h.Broker.Last(ctx, events.StreamEvents, events.HistoryFilter(task.Tenant, task.Job))
	if fault.Has(err, fault.BusNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	var r events.Record
	if err := json.Unmarshal(last.Data, &r); err != nil {
		return false, fault.New(fault.InternalBug, "read the record of job "+task.Job, err)
	}
	if r.Job.State == events.JobCancelling && !task.Undo {
		h.mu.Lock()
		h.stopped[jobKey{task.Tenant, task.Job}] = time.Now()
		h.mu.Unlock()
	}
	return !expected(r.Job, task), nil
}

// expected reports whether a job waits for the answer to a task.
func expected(j events.Job, task events.Task) bool {
	s, ok := j.Steps[task.Step]
	if !ok || flow.Final(j.State) {
		return false
	}
	if task.Undo {
		return s.Undo != nil && s.Undo.State == events.UndoQueued && s.Undo.Attempt == task.Attempt
	}
	return s.State == events.StepQueued && s.Attempt == task.Attempt
}

func stageName(ref string) string {
	name, _, _ := strings.Cut(ref, "@")
	return name
}
