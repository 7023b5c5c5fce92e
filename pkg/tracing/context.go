package tracing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/millrace/millrace/events"
)

// Context names a span of a trace, as a traceparent does. The zero value is none.
type Context struct {
	Trace trace.TraceID
	Span  trace.SpanID
	// Sampled says that whoever began the trace wants it kept.
	Sampled bool
}

// Parse reads a traceparent of W3C Trace Context. ok is false for what is none.
func Parse(s string) (c Context, ok bool) {
	parts := strings.Split(s, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || parts[0] == "ff" || parts[0] == "00" && len(parts) > 4 || s != strings.ToLower(s) {
		return Context{}, false
	}
	version, err1 := hex.DecodeString(parts[0])
	flags, err2 := hex.DecodeString(parts[3])
	id, err3 := trace.TraceIDFromHex(parts[1])
	span, err4 := trace.SpanIDFromHex(parts[2])
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || len(version) != 1 || len(flags) != 1 {
		return Context{}, false
	}
	return Context{Trace: id, Span: span, Sampled: flags[0]&1 == 1}, true
}

// String is the traceparent.
func (c Context) String() string {
	flags := "00"
	if c.Sampled {
		flags = "01"
	}
	return "00-" + c.Trace.String() + "-" + c.Span.String() + "-" + flags
}

// Valid reports whether it names a span.
func (c Context) Valid() bool { return c.Trace.IsValid() && c.Span.IsValid() }

// Child is a new span of the same trace.
func (c Context) Child() Context {
	_, _ = rand.Read(c.Span[:]) // it never fails, and all zeros do not happen
	return c
}

// Job is the span of a job as a whole, which every process makes of the job's names
// alone: neither a crash nor a message that comes twice makes another. given is the
// traceparent that came with the submission; without one that can be read, the trace is
// made of the names as well.
func Job(tenant, job, given string) Context {
	c, ok := Parse(given)
	if !ok {
		c = Context{Sampled: true}
		copy(c.Trace[:], digest("trace", tenant, job))
	}
	copy(c.Span[:], digest("span", tenant, job))
	return c
}

// Parent is the span that a submission came from. It is none for a job that began its
// trace itself.
func Parent(tenant, job, given string) Context {
	c, ok := Parse(given)
	if !ok || c.Span == Job(tenant, job, given).Span {
		return Context{}
	}
	return c
}

// Traceparent is what a job keeps: what came with the submission if it can be read, and
// otherwise that of its own span.
func Traceparent(tenant, job, given string) string {
	if _, ok := Parse(given); ok {
		return given
	}
	return Job(tenant, job, "").String()
}

func digest(word, tenant, job string) []byte {
	sum := sha256.Sum256([]byte("millrace " + word + "\x00" + tenant + "\x00" + job))
	return sum[:]
}

type contextKey struct{}

// With returns a context in which calls to the outside belong to a span.
func With(ctx context.Context, c Context) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// Inject puts the traceparent of a context into the header of a request, unless there is
// one already.
func Inject(ctx context.Context, h http.Header) {
	c, _ := ctx.Value(contextKey{}).(Context)
	if c.Valid() && h.Get(events.HeaderTraceparent) == "" {
		h.Set(events.HeaderTraceparent, c.String())
	}
}
