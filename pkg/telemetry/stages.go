package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace/events"
)

var (
	attempts = Family{
		Name: "millrace_attempts_total", Kind: Counter, Labels: []string{"stage", "kind", "outcome", "class"},
		Help: "Attempts that were answered; kind is work or undo, outcome succeeded or failed, class that of the fault, or none.",
	}
	attemptDuration = Family{
		Name: "millrace_attempt_duration_seconds", Kind: Histogram, Labels: []string{"stage", "kind"}, buckets: slow,
		Help: "Time that attempts took.",
	}
	attemptWait = Family{
		Name: "millrace_attempt_wait_seconds", Kind: Histogram, Labels: []string{"stage", "kind"}, buckets: slow,
		Help: "Time from when a task was stored to when a worker began on it, by the clocks of both.",
	}
	attemptsResumed = Family{
		Name: "millrace_attempts_resumed_total", Kind: Counter, Labels: []string{"stage", "decision"},
		Help: "Attempts that found checkpoints of an earlier one, by what was made of them.",
	}
	resumedBytes = Family{
		Name: "millrace_resumed_bytes_total", Kind: Counter, Labels: []string{"stage"},
		Help: "Bytes that did not have to be done again, because of checkpoints.",
	}
	checkpointsSaved = Family{
		Name: "millrace_checkpoints_saved_total", Kind: Counter, Labels: []string{"stage"},
		Help: "Checkpoints that attempts had saved when they were answered.",
	}
	inputBytes = Family{
		Name: "millrace_stage_read_bytes_total", Kind: Counter, Labels: []string{"stage"},
		Help: "Size of the files that attempts which succeeded were given.",
	}
	outputBytes = Family{
		Name: "millrace_stage_written_bytes_total", Kind: Counter, Labels: []string{"stage"},
		Help: "Size of the files that attempts which succeeded have given.",
	}
)

func stageFamilies() []Family {
	return []Family{
		attempts, attemptDuration, attemptWait, attemptsResumed, resumedBytes, checkpointsSaved, inputBytes, outputBytes,
	}
}

// Stages counts attempts. Nil counts nothing. It is safe for concurrent use.
type Stages struct {
	attempts, resumed, saved, checkpoints, read, written *prometheus.CounterVec
	duration, wait                                       *prometheus.HistogramVec
}

func newStages(r *prometheus.Registry) *Stages {
	return &Stages{
		attempts: attempts.counter(r), resumed: attemptsResumed.counter(r), saved: resumedBytes.counter(r),
		checkpoints: checkpointsSaved.counter(r), read: inputBytes.counter(r), written: outputBytes.counter(r),
		duration: attemptDuration.histogram(r), wait: attemptWait.histogram(r),
	}
}

// Began counts a task that a worker has begun on after some time in the queue.
func (s *Stages) Began(task *events.Task, waited time.Duration) {
	if s != nil {
		s.wait.WithLabelValues(stageOf(task.Stage), kindOf(task.Undo)).Observe(max(waited, 0).Seconds())
	}
}

// Answered counts an attempt whose outcome was published.
func (s *Stages) Answered(task *events.Task, o *events.AttemptOutcome) {
	if s == nil {
		return
	}
	stage, kind, class := stageOf(task.Stage), kindOf(task.Undo), "none"
	if o.Fault != nil {
		class = classOf(o.Fault.Class)
	}
	s.attempts.WithLabelValues(stage, kind, string(o.Verdict), class).Inc()
	s.duration.WithLabelValues(stage, kind).Observe(o.EndedAt.Sub(o.StartedAt).Seconds())
	if o.Checkpoints > 0 {
		s.checkpoints.WithLabelValues(stage).Add(float64(o.Checkpoints))
	}
	if o.Verdict == events.VerdictSucceeded && !o.Undo {
		s.read.WithLabelValues(stage).Add(sizeOf(task.Files))
		s.written.WithLabelValues(stage).Add(sizeOf(o.Files))
	}
}

// Resumed counts an attempt that found checkpoints.
func (s *Stages) Resumed(task *events.Task, r *events.Resumed) {
	if s == nil {
		return
	}
	stage := stageOf(task.Stage)
	s.resumed.WithLabelValues(stage, string(r.Decision)).Inc()
	s.saved.WithLabelValues(stage).Add(float64(max(r.Done, 0)))
}

// sizeOf is the size of files in bytes.
func sizeOf(files []events.File) (sum float64) {
	for _, f := range files {
		sum += float64(max(f.Size, 0))
	}
	return sum
}
