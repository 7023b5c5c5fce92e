package tracing

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/millrace/millrace/events"
)

// Submission is a request to make a job.
type Submission struct {
	Tenant, Job, Pipeline, Route string
	// At is the span of the request, and Given the traceparent that came with it.
	At    Context
	Given string
	Began time.Time
	// Err is why it was refused.
	Err error
}

// Submitted sends the span of a request that has been answered.
func (t *Tracer) Submitted(s Submission) {
	if t == nil {
		return
	}
	parent, _ := Parse(s.Given)
	one := span{
		name: "submit " + s.Pipeline, kind: trace.SpanKindServer, at: s.At, parent: parent, from: s.Began, to: time.Now(),
		attributes: []attribute.KeyValue{
			attribute.String("millrace.job", s.Job), attribute.String("millrace.pipeline", s.Pipeline),
			attribute.String("http.route", s.Route),
		},
	}
	if s.Err != nil {
		one.failed = s.Err.Error()
	}
	t.send(one)
}

// Ended sends the span of a job that has come to an end.
func (t *Tracer) Ended(j *events.Job) {
	if t == nil {
		return
	}
	one := span{
		name: "job " + j.Pipeline.Name, kind: trace.SpanKindInternal,
		at: Job(j.Tenant, j.ID, j.Traceparent), parent: Parent(j.Tenant, j.ID, j.Traceparent),
		from: j.AcceptedAt, to: j.FinishedAt,
		attributes: []attribute.KeyValue{
			attribute.String("millrace.job", j.ID), attribute.String("millrace.pipeline", j.Pipeline.Name),
			attribute.String("millrace.state", string(j.State)),
		},
	}
	if j.Fault != nil {
		one.attributes = append(one.attributes, faultOf(j.Fault)...)
		one.failed = j.Fault.Code
	}
	t.send(one)
}

// Attempted sends the span of an attempt that was answered. job is the span of its job,
// and at its own.
func (t *Tracer) Attempted(job, at Context, o *events.AttemptOutcome) {
	if t == nil {
		return
	}
	stage, _, _ := strings.Cut(o.Stage, "@")
	kind := string(events.DueWork)
	if o.Undo {
		kind = events.KindUndo
		stage = "undo " + stage
	}
	one := span{
		name: stage, kind: trace.SpanKindConsumer, at: at, parent: job, from: o.StartedAt, to: o.EndedAt,
		attributes: []attribute.KeyValue{
			attribute.String("millrace.job", o.Job), attribute.String("millrace.step", o.Step),
			attribute.String("millrace.stage", o.Stage), attribute.Int("millrace.attempt", o.Attempt),
			attribute.String("millrace.kind", kind), attribute.Int("millrace.checkpoints", o.Checkpoints),
		},
	}
	if o.Fault != nil {
		one.attributes = append(one.attributes, faultOf(o.Fault)...)
		one.failed = o.Fault.Code
	}
	t.send(one)
}

func faultOf(f *events.Fault) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("millrace.fault.code", f.Code), attribute.String("millrace.fault.class", f.Class),
	}
}

// send hands a span over, unless whoever began its trace wants none.
func (t *Tracer) send(s span) {
	if !s.at.Sampled || !s.at.Valid() {
		return
	}
	ctx := context.WithValue(context.Background(), givenKey{}, s.at)
	if s.parent.Valid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: s.parent.Trace, SpanID: s.parent.Span, TraceFlags: trace.FlagsSampled, Remote: true,
		}))
	}
	_, one := t.tracer.Start(ctx, s.name,
		trace.WithSpanKind(s.kind), trace.WithTimestamp(s.from), trace.WithAttributes(s.attributes...))
	if s.failed != "" {
		one.SetStatus(codes.Error, s.failed)
	}
	one.End(trace.WithTimestamp(s.to))
}
