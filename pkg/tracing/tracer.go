package tracing

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options say where spans go.
type Options struct {
	// Endpoint is the URL of an OTLP receiver, with its path. Empty means the standard
	// variables of the environment, OTEL_EXPORTER_OTLP_ENDPOINT and its like.
	Endpoint string
	// Worker names the process in its spans.
	Worker string
	// Log is told when spans could not be sent. Nil discards it.
	Log *slog.Logger
}

// Wanted reports whether the environment asks for spans to be sent.
func Wanted(getenv func(string) string) bool {
	to := getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	return to != "" && !strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") && getenv("OTEL_TRACES_EXPORTER") != "none"
}

// Tracer sends spans. Nil sends nothing. It is safe for concurrent use.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// Open returns a tracer, which keeps spans in memory and sends them from time to time;
// when nobody takes them, the oldest of them wait and the newest are dropped. The caller
// closes it.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	var to []otlptracehttp.Option
	if o.Endpoint != "" {
		to = append(to, otlptracehttp.WithEndpointURL(o.Endpoint))
	}
	out, err := otlptracehttp.New(ctx, to...)
	if err != nil {
		return nil, err
	}
	about := []attribute.KeyValue{attribute.String("service.name", "millrace")}
	if o.Worker != "" {
		about = append(about, attribute.String("service.instance.id", o.Worker))
	}
	// What the environment says of the service counts more.
	said, err := resource.New(ctx, resource.WithAttributes(about...), resource.WithFromEnv())
	if err != nil {
		return nil, err
	}
	p := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&quiet{out, o.Log}), sdktrace.WithIDGenerator(given{}), sdktrace.WithResource(said),
	)
	return &Tracer{provider: p, tracer: p.Tracer("github.com/millrace/millrace")}, nil
}

// Close sends what is left until ctx ends. It may be called twice.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// span is one that has ended.
type span struct {
	name       string
	kind       trace.SpanKind
	at         Context
	parent     Context // zero for the first of a trace
	from, to   time.Time
	attributes []attribute.KeyValue
	failed     string // why, or empty
}

// quiet sends spans, and keeps trouble with it from the program's standard error.
type quiet struct {
	sdktrace.SpanExporter
	log *slog.Logger
}

// ExportSpans never fails: what could not be sent is logged and gone.
func (q *quiet) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := q.SpanExporter.ExportSpans(ctx, spans); err != nil && q.log != nil {
		q.log.Warn("spans could not be sent", "count", len(spans), "error", err)
	}
	return nil
}

// given makes the ids of spans those that were made for them before.
type given struct{}

type givenKey struct{}

// NewIDs returns the ids of the first span of a trace.
func (given) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	c, _ := ctx.Value(givenKey{}).(Context)
	return c.Trace, c.Span
}

// NewSpanID returns the id of another span.
func (given) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	c, _ := ctx.Value(givenKey{}).(Context)
	return c.Span
}
