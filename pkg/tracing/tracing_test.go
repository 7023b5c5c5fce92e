package tracing

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
)

const example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestParse(t *testing.T) {
	t.Parallel()
	c, ok := Parse(example)
	if !ok || c.String() != example || !c.Sampled {
		t.Errorf("got %v, %t", c, ok)
	}
	for _, s := range []string{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-of-the-future",
	} {
		if _, ok := Parse(s); !ok {
			t.Errorf("%s is not read", s)
		}
	}
	for _, s := range []string{
		"", "00-1", example + "-x", strings.ToUpper(example), "ff" + example[2:], "0" + example,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
		"0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	} {
		if c, ok := Parse(s); ok || c.Valid() {
			t.Errorf("%q is read as %v", s, c)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add("00-1")
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := Parse(s)
		if again, _ := Parse(c.String()); ok != c.Valid() || ok && again != c {
			t.Errorf("%q is %v, and again %v", s, c, again)
		}
	})
}

// TestJob makes the same span of a job again and again, in the trace of its submission or
// in one of its own.
func TestJob(t *testing.T) {
	t.Parallel()
	came, _ := Parse(example)
	with, without := Job("acme", "a", example), Job("acme", "a", "rubbish")
	switch {
	case with.Trace != came.Trace || with.Span == came.Span || with != Job("acme", "a", example):
		t.Errorf("in a trace it is %v", with)
	case !without.Valid() || !without.Sampled || without != Job("acme", "a", ""):
		t.Errorf("without one it is %v", without)
	case without.Span != with.Span || Job("acme", "b", "").Trace == without.Trace || Job("beta", "a", "").Trace == without.Trace:
		t.Error("two jobs have one trace")
	case Parent("acme", "a", example) != came:
		t.Error("the submission is not the parent")
	case Parent("acme", "a", Traceparent("acme", "a", "")).Valid():
		t.Error("a job that began its trace has a parent")
	case Job("acme", "a", Traceparent("acme", "a", "")) != without || Traceparent("acme", "a", example) != example:
		t.Error("what a job keeps leads elsewhere")
	}
	if c := with.Child(); c.Trace != with.Trace || c.Span == with.Span || !c.Valid() {
		t.Errorf("a child is %v", c)
	}
}

func TestInject(t *testing.T) {
	t.Parallel()
	c, _ := Parse(example)
	ctx := With(t.Context(), c)
	h := http.Header{}
	Inject(t.Context(), h)
	if len(h) != 0 {
		t.Errorf("out of nothing comes %v", h)
	}
	if Inject(ctx, h); h.Get("traceparent") != example {
		t.Errorf("got %v", h)
	}
	h.Set("Traceparent", "mine")
	if Inject(ctx, h); h.Get("traceparent") != "mine" {
		t.Errorf("what was said became %v", h)
	}
}

func TestWanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"}, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x:4318/v1/traces"}, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_SDK_DISABLED": "TRUE"}, false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_TRACES_EXPORTER": "none"}, false},
	} {
		if got := Wanted(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v is %t", c.env, got)
		}
	}
}

// TestSampling sends nothing of a trace that its beginner does not want kept, and nothing
// where there is no tracer.
func TestSampling(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer s.Close()
	send := func(traceparent string) {
		tr, err := Open(t.Context(), Options{Endpoint: s.URL + "/v1/traces"})
		if err != nil {
			t.Fatal(err)
		}
		tr.Ended(&events.Job{ID: "a", Tenant: "acme", Traceparent: traceparent, AcceptedAt: time.Now(), FinishedAt: time.Now()})
		if err := tr.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if send(example[:len(example)-1] + "0"); requests.Load() != 0 {
		t.Error("a trace that nobody wants is sent")
	}
	if send(example); requests.Load() != 1 {
		t.Errorf("a trace is sent by %d requests", requests.Load())
	}
	var none *Tracer
	none.Submitted(Submission{})
	none.Ended(nil)
	none.Attempted(Context{}, Context{}, nil)
	if err := none.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
