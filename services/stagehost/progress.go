package stagehost

import (
	"encoding/json"
	"time"

	"github.com/millrace/millrace/events"
)

// progressEvery is how often the progress of an attempt is sent at most.
const progressEvery = 500 * time.Millisecond

// sendProgress sends the newest progress of every running attempt that has any.
func (h *Host) sendProgress() {
	h.mu.Lock()
	running := make([]*attempt, 0, len(h.running))
	for a := range h.running {
		if a.meter.reports.Swap(0) > 0 {
			running = append(running, a)
		}
	}
	h.mu.Unlock()
	for _, a := range running {
		h.publishProgress(a)
	}
}

// publishProgress sends an attempt's progress. It may be lost.
func (h *Host) publishProgress(a *attempt) {
	p := events.Progress{
		Job: a.task.Job, Tenant: a.task.Tenant, Step: a.task.Step, Attempt: a.task.Attempt,
		Done: a.meter.done.Load(), Total: a.meter.total.Load(), Time: whole(time.Now()),
	}
	if u := a.meter.unit.Load(); u != nil {
		p.Unit = *u
	}
	data, err := json.Marshal(p)
	if err != nil {
		return
	}
	subject := events.ProgressSubject(a.task.Tenant, a.task.Job, a.task.Step)
	if err := h.Broker.Send(subject, map[string]string{
		events.HeaderContentType: events.ContentTypeJSON,
	}, data); err != nil {
		h.Log.Debug("progress not sent", "error", err)
	}
}
