package telemetry

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

var (
	jobsAccepted = Family{
		Name: "millrace_jobs_accepted_total", Kind: Counter, Labels: []string{"pipeline"},
		Help: "Jobs that were accepted.",
	}
	jobsEnded = Family{
		Name: "millrace_jobs_ended_total", Kind: Counter, Labels: []string{"pipeline", "state"},
		Help: "Jobs that came to a final state. A job that is rolled back later comes to one again.",
	}
	jobDuration = Family{
		Name: "millrace_job_duration_seconds", Kind: Histogram, Labels: []string{"pipeline"}, buckets: slow,
		Help: "Time from the acceptance of a job to its end, once it is final.",
	}
	records = Family{
		Name: "millrace_records_total", Kind: Counter, Labels: []string{"event"},
		Help: "Committed records by what happened, such as step.retry_scheduled or undo.failed.",
	}
	retries = Family{
		Name: "millrace_retries_scheduled_total", Kind: Counter, Labels: []string{"stage", "kind", "class"},
		Help: "Attempts that failed and will be made again, by the class of the fault; kind is work or undo.",
	}
	commitDuration = Family{
		Name: "millrace_commit_duration_seconds", Kind: Histogram, buckets: quick,
		Help: "Time that the broker took to keep a record.",
	}
	commitErrors = Family{
		Name: "millrace_commit_errors_total", Kind: Counter, Labels: []string{"class"},
		Help: "Records that could not be kept, by the class of the fault; conflict is another conductor that was faster.",
	}
	decisionsOpened = Family{
		Name: "millrace_decisions_opened_total", Kind: Counter,
		Help: "Decisions that people were asked for.",
	}
	decisionsClosed = Family{
		Name: "millrace_decisions_closed_total", Kind: Counter,
		Help: "Decisions that were made, by a person or by default, or that there was no more need for.",
	}
	decisionsOverdue = Family{
		Name: "millrace_decisions_overdue_total", Kind: Counter,
		Help: "Times that nobody had decided when a decision was due, and people were reminded.",
	}
	repairs = Family{
		Name: "millrace_lost_work_republished_total", Kind: Counter,
		Help: "Tasks and timers that were due and nowhere to be found, and were published again.",
	}
)

func conductorFamilies() []Family {
	return []Family{
		jobsAccepted, jobsEnded, jobDuration, records, retries, commitDuration, commitErrors,
		decisionsOpened, decisionsClosed, decisionsOverdue, repairs,
	}
}

// Conductor counts what becomes of jobs. Nil counts nothing. It is safe for concurrent
// use.
type Conductor struct {
	pipelines                                              *bound
	accepted, ended, records, retries, failed              *prometheus.CounterVec
	duration                                               *prometheus.HistogramVec
	commit                                                 prometheus.Observer
	decisionsOpened, decisionsClosed, overdue, republished prometheus.Counter
}

func newConductor(r *prometheus.Registry, pipelines *bound) *Conductor {
	c := &Conductor{
		pipelines: pipelines,
		accepted:  jobsAccepted.counter(r), ended: jobsEnded.counter(r), duration: jobDuration.histogram(r),
		records: records.counter(r), retries: retries.counter(r), failed: commitErrors.counter(r),
		commit:          commitDuration.histogram(r).WithLabelValues(),
		decisionsOpened: decisionsOpened.counter(r).WithLabelValues(),
		decisionsClosed: decisionsClosed.counter(r).WithLabelValues(),
		overdue:         decisionsOverdue.counter(r).WithLabelValues(),
		republished:     repairs.counter(r).WithLabelValues(),
	}
	// They are there from the start, so that the first one counts as an increase.
	for _, t := range flow.EventTypes() {
		c.records.WithLabelValues(t.Name)
	}
	return c
}

// Committed counts a record that took some time to be kept, and what it says of its job,
// which was in state before.
func (c *Conductor) Committed(rec *events.Record, before events.JobState, took time.Duration) {
	if c == nil {
		return
	}
	c.commit.Observe(took.Seconds())
	happened := rec.Cause
	if happened == "" {
		happened = rec.Type
	}
	c.records.WithLabelValues(happened).Inc()
	pipeline := c.pipelines.of(rec.Job.Pipeline.Name)
	if rec.Revision == 1 {
		c.accepted.WithLabelValues(pipeline).Inc()
	}
	if flow.Final(rec.Job.State) && !flow.Final(before) {
		c.ended.WithLabelValues(pipeline, string(rec.Job.State)).Inc()
		c.duration.WithLabelValues(pipeline).Observe(rec.Job.FinishedAt.Sub(rec.Job.AcceptedAt).Seconds())
	}
	if o := rec.Input.Outcome; o != nil && o.Fault != nil &&
		(happened == flow.TypeStepRetryScheduled || happened == flow.TypeUndoRetryScheduled) {
		stage := stageOf(rec.Job.Steps[o.Step].Stage)
		c.retries.WithLabelValues(stage, kindOf(o.Undo), classOf(o.Fault.Class)).Inc()
	}
}

// Failed counts a record that could not be kept.
func (c *Conductor) Failed(err error) {
	if c != nil {
		c.failed.WithLabelValues(string(fault.ClassOf(err))).Inc()
	}
}

// Asked counts a decision that a person is asked for, Decided one that is open no more,
// and Overdue one that nobody has made in time.
func (c *Conductor) Asked() {
	if c != nil {
		c.decisionsOpened.Inc()
	}
}

// Decided counts a decision that is open no more.
func (c *Conductor) Decided() {
	if c != nil {
		c.decisionsClosed.Inc()
	}
}

// Overdue counts a decision that nobody has made in time.
func (c *Conductor) Overdue() {
	if c != nil {
		c.overdue.Inc()
	}
}

// Republished counts lost work that was published again.
func (c *Conductor) Republished(n int) {
	if c != nil {
		c.republished.Add(float64(n))
	}
}

// stageOf is the name of a stage without its version.
func stageOf(ref string) string {
	name, _, _ := strings.Cut(ref, "@")
	return name
}

// kindOf is the label of work and of undos.
func kindOf(undo bool) string {
	if undo {
		return events.KindUndo
	}
	return string(events.DueWork)
}

// classOf is the label of a class. Those of a newer program share one.
func classOf(class string) string {
	if !fault.Class(class).Known() {
		return other
	}
	return class
}
