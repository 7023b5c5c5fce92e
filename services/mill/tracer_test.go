package mill_test

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/tracing"
	"github.com/millrace/millrace/services/mill"
)

// observer takes spans by OTLP, and notes which traceparents other requests have.
type observer struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*spans.Span
	calls []string
	bad   []error
}

func newObserver(t *testing.T) *observer {
	t.Helper()
	o := &observer{}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

func (o *observer) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.URL.Path != "/v1/traces" {
		o.calls = append(o.calls, r.Header.Get("traceparent"))
		return
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			o.bad = append(o.bad, err)
			return
		}
		body = unzipped
	}
	data, err := io.ReadAll(body)
	var sent collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(data, &sent)
	}
	if err != nil {
		o.bad = append(o.bad, err)
	}
	for _, resource := range sent.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			o.spans = append(o.spans, scope.GetSpans()...)
		}
	}
}

// tree draws the spans: each by its name, with what its attempts were, below the name of
// its parent.
func (o *observer) tree() map[string]string {
	names := make(map[string]string)
	label := func(s *spans.Span) string {
		attempt := ""
		for _, a := range s.GetAttributes() {
			switch a.GetKey() {
			case "millrace.attempt":
				attempt += " " + strconv.FormatInt(a.GetValue().GetIntValue(), 10)
			case "millrace.fault.class", "millrace.state":
				attempt += " " + a.GetValue().GetStringValue()
			}
		}
		return s.GetName() + attempt
	}
	for _, s := range o.spans {
		names[hex.EncodeToString(s.GetSpanId())] = label(s)
	}
	tree := make(map[string]string)
	for _, s := range o.spans {
		parent := hex.EncodeToString(s.GetParentSpanId())
		if name, known := names[parent]; known {
			parent = name
		}
		tree[label(s)] = parent
	}
	return tree
}

// TestOneTracePerJob runs jobs with a retry and a call to the outside: each gives one
// trace, in the one that its client has begun or in one of its own.
func TestOneTracePerJob(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]string{
		"of the client": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "of its own": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newObserver(t)
			w := newWorld(t, func(c *mill.Config) {
				c.HTTPAddr, c.AllowPrivateNetworks = "127.0.0.1:0", true
				c.Traces = &tracing.Options{Endpoint: o.URL + "/v1/traces"}
			})
			w.apply("flaky", `
    - id: slip
      uses: simulate@1
      with: { fail: { class: transient, times: 1 } }
      retry: { initial: 1ms, max: 1ms }
    - { id: tell, uses: http-call@1, needs: [slip], with: { url: "`+o.URL+`/order" } }`)
			job := w.submitTraced(`{"pipeline":"flaky","key":"k","files":[{"inline":"eA==","name":"x"}]}`, given)
			j := w.final(job)
			if j.State != events.JobCompleted {
				t.Fatalf("the job is %s: %+v", j.State, j.Fault)
			}
			w.stop() // which sends the rest
			o.mu.Lock()
			defer o.mu.Unlock()
			root := ""
			if at, ok := tracing.Parse(given); ok {
				root = at.Span.String()
			}
			want := map[string]string{
				"submit flaky":         root,
				"job flaky completed":  "submit flaky",
				"simulate 1 transient": "job flaky completed",
				"simulate 2":           "job flaky completed",
				"http-call 1":          "job flaky completed",
			}
			if d := cmp.Diff(want, o.tree()); d != "" || len(o.bad) > 0 {
				t.Errorf("%v (-want +got):\n%s", o.bad, d)
			}
			trace := tracing.Job(events.DefaultTenant, job, given).Trace
			for _, s := range o.spans {
				if hex.EncodeToString(s.GetTraceId()) != trace.String() {
					t.Errorf("%s is in trace %x, not %s", s.GetName(), s.GetTraceId(), trace)
				}
				if s.GetName() == "http-call" && (len(o.calls) != 1 || !strings.Contains(o.calls[0], hex.EncodeToString(s.GetSpanId()))) {
					t.Errorf("the calls were %q, by span %x", o.calls, s.GetSpanId())
				}
			}
		})
	}
}

// submitTraced submits over HTTP and returns the id of the job.
func (w *world) submitTraced(body, traceparent string) string {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, w.mill.HTTPURL()+"/v1/jobs", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if traceparent != "" {
		r.Header.Set("traceparent", traceparent)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted && answer.StatusCode != http.StatusOK {
		w.t.Fatalf("a submission is answered %d", answer.StatusCode)
	}
	return strings.TrimPrefix(answer.Header.Get("Location"), "/v1/jobs/")
}

// TestATraceWithoutAReceiver runs a job though nobody keeps spans or takes them: its trace
// goes with its records and with the calls of its stages all the same.
func TestATraceWithoutAReceiver(t *testing.T) {
	t.Parallel()
	o := newObserver(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, to := range map[string]*tracing.Options{"nobody": nil, "gone": {Endpoint: gone.URL + "/v1/traces"}} {
		w := newWorld(t, func(c *mill.Config) { c.AllowPrivateNetworks, c.Traces = true, to })
		w.apply("tell", "    - { id: get, uses: fetch@1 }\n    - { id: tell, uses: http-call@1, needs: [get], with: { url: \""+o.URL+"/order\" } }\n")
		job := w.accepted("tell", events.Submission{Key: name, Files: []events.Source{{URL: o.URL + "/file"}}})
		j := w.final(job)
		span := tracing.Job(events.DefaultTenant, job, "")
		m, err := w.conn.Last(t.Context(), events.StreamEvents, events.HistoryFilter(events.DefaultTenant, job))
		if err != nil {
			t.Fatal(err)
		}
		o.mu.Lock()
		switch {
		case j.Traceparent != span.String() || m.Header[events.HeaderTraceparent] != span.String():
			t.Errorf("%s: the job has %s and its record %s, want %s", name, j.Traceparent, m.Header[events.HeaderTraceparent], span)
		case len(o.calls) != 2:
			t.Errorf("%s: the calls were %q", name, o.calls)
		}
		for _, c := range o.calls {
			if !strings.HasPrefix(c, "00-"+span.Trace.String()+"-") {
				t.Errorf("%s: a call belongs to %q", name, c)
			}
		}
		o.calls = nil
		o.mu.Unlock()
		w.stop()
	}
}
