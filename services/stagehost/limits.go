package stagehost

import (
	"context"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// defaultTimeout bounds an attempt when neither step nor stage says how long.
const defaultTimeout = 5 * time.Minute

// limitCodes are the faults of an attempt for which there is no time left.
var limitCodes = map[events.Limit]fault.Code{
	events.LimitTotal:    fault.StageTotalExceeded,
	events.LimitDeadline: fault.JobDeadlineExceeded,
}

// bounds returns how long an attempt may take, and the fault of one that takes
// longer: its own limit, or what is left of that of the step or of the job.
func bounds(task events.Task, spec stage.Spec, started time.Time) (time.Duration, error) {
	limit := time.Duration(task.TimeoutMS) * time.Millisecond
	if limit <= 0 {
		limit = spec.Timeout
	}
	if limit <= 0 {
		limit = defaultTimeout
	}
	if left := task.Until.Sub(started); !task.Until.IsZero() && left < limit {
		return left, noTime(task)
	}
	return limit, fault.New(fault.StageTimeout, "after "+limit.String(), nil)
}

// noTime is the fault of a task whose time is over.
func noTime(task events.Task) error {
	code, known := limitCodes[task.Limit]
	if !known {
		code = fault.StageTimeout
	}
	return fault.New(code, "at "+task.Until.UTC().Format(time.RFC3339), nil)
}

// belated returns the fault of a task that is not worth to be begun, or nil. A task
// that may have been with a worker before has not waited for one.
func belated(m *bus.Message, task events.Task, now time.Time) error {
	if !task.Until.IsZero() && !now.Before(task.Until) {
		return noTime(task)
	}
	most := time.Duration(task.QueueMS) * time.Millisecond
	waited := now.Sub(task.QueuedAt)
	if most <= 0 || waited <= most || task.QueuedAt.IsZero() || m.Delivered > 1 || task.Reissue {
		return nil
	}
	return fault.New(fault.StageQueuedTooLong, "after "+waited.Round(time.Millisecond).String()+", limit "+most.String(), nil)
}

// report takes the progress of an attempt. It got further when more is done than
// at the report before.
func (a *attempt) report(done, total int64, unit string) {
	if done > a.meter.done.Load() {
		a.moved.Store(int64(time.Since(a.started)))
	}
	a.meter.report(done, total, unit)
}

// offered takes a place that the attempt could be resumed at, as progress.
func (a *attempt) offered(done int64) {
	if done > a.place.Swap(done) {
		a.moved.Store(int64(time.Since(a.started)))
	}
}

// watchStall stops an attempt that gets no further for longer than its limit. It
// returns when ctx has ended or done is closed.
func (a *attempt) watchStall(ctx context.Context, done <-chan struct{}) {
	limit := time.Duration(a.task.StallMS) * time.Millisecond
	if limit <= 0 {
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		left := limit - time.Since(a.started) + time.Duration(a.moved.Load())
		if left <= 0 {
			a.stop(fault.New(fault.StageStalled, "for "+limit.String(), nil))
			return
		}
		timer.Reset(left)
	}
}
