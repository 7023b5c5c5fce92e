package gateway_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

func TestSubmit(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	a := ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(
		`{"pipeline":"keep","key":"k1","files":[{"url":"file:///x"}],"params":{"level":3},"labels":{"a":"b"}}`),
		"Content-Type", "application/json; charset=utf-8", "Traceparent", trace)
	var r events.Receipt
	a.into(t, http.StatusAccepted, &r)
	same(t, "state", r.State, events.JobAccepted)
	same(t, "location", a.Header.Get("Location"), "/v1/jobs/"+r.Job)
	same(t, "key", a.Header.Get("Idempotency-Key"), "k1")
	same(t, "not replayed", a.Header.Get("Idempotency-Replayed"), "")

	subs := w.Conductor.Submissions()
	if len(subs) != 1 {
		t.Fatalf("%d submissions", len(subs))
	}
	same(t, "subject", subs[0].Subject, "millrace.submit.default.keep")
	same(t, "trace", subs[0].Header["traceparent"], trace)
	var s events.Submission
	if err := json.Unmarshal(subs[0].Data, &s); err != nil {
		t.Fatal(err)
	}
	same(t, "submission", s, events.Submission{
		Key: "k1", Files: []events.Source{{URL: "file:///x"}},
		Params: json.RawMessage(`{"level":3}`), Labels: map[string]string{"a": "b"},
	})
}

func TestSubmitAgain(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	first := submit(t, w, oneFile, "Idempotency-Key", `"the \"key\""`)
	a := ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(oneFile),
		"Content-Type", "application/json", "Idempotency-Key", `the "key"`)
	var again events.Receipt
	a.into(t, http.StatusOK, &again)
	same(t, "receipt", again, events.Receipt{Job: first.Job, State: events.JobAccepted, Duplicate: true})
	same(t, "replayed", a.Header.Get("Idempotency-Replayed"), "true")

	a = ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(strings.Replace(oneFile, "hello.txt", "other.txt", 1)),
		"Content-Type", "application/json", "Idempotency-Key", `the "key"`)
	p := a.problem(t, http.StatusUnprocessableEntity, "submit.key_reused")
	same(t, "the job that the key belongs to", p.Job, first.Job)

	ids := map[string]bool{}
	for _, m := range w.Conductor.Submissions() {
		ids[m.ID] = true
	}
	same(t, "each request has a message id of its own", len(ids), 3)
}

func TestSubmitWithoutKeyMakesJobsOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	var mu sync.Mutex
	jobs := map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r := submit(t, w, oneFile)
			mu.Lock()
			defer mu.Unlock()
			jobs[r.Job] = true
		})
	}
	wg.Wait()
	same(t, "jobs", len(jobs), 8)
}

func TestSubmitAndWait(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	go func() {
		eventually(t, "the first submission", func() error {
			if len(w.Conductor.Submissions()) == 0 {
				return errors.New("nothing yet")
			}
			return nil
		})
		var r events.Receipt
		a := ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(oneFile),
			"Content-Type", "application/json", "Idempotency-Key", "k")
		a.into(t, http.StatusOK, &r)
		w.Conductor.Outcome(r.Job, nil)
	}()
	a := ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(oneFile),
		"Content-Type", "application/json", "Idempotency-Key", "k", "Prefer", "respond-async, wait=30")
	var r events.Receipt
	a.into(t, http.StatusOK, &r)
	same(t, "state", r.State, events.JobCompleted)
	same(t, "wait", a.Header.Get("Preference-Applied"), "wait=30")
	if r.Outcome == nil || r.Outcome.State != events.JobCompleted {
		t.Errorf("outcome %+v", r.Outcome)
	}
}

func TestSubmitWaitsNoLongerThanAsked(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	a := ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(oneFile),
		"Content-Type", "application/json", "Prefer", "wait=1")
	var r events.Receipt
	a.into(t, http.StatusAccepted, &r)
	same(t, "state", r.State, events.JobAccepted)
}

func TestLostReceiptIsAskedForAgain(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{SubmitTimeout: 2 * time.Second}})
	w.Conductor.Mute(1)
	r := submit(t, w, oneFile)
	if r.Job == "" {
		t.Error("no job")
	}
	subs := w.Conductor.Submissions()
	if len(subs) != 2 || string(subs[0].Data) != string(subs[1].Data) || subs[0].ID == subs[1].ID {
		t.Errorf("submissions: %+v", subs)
	}
}

func TestNoConductor(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{Limits: gateway.Limits{SubmitTimeout: 200 * time.Millisecond}})
	w.Conductor.Mute(1000)
	a := ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(oneFile),
		"Content-Type", "application/json", "Idempotency-Key", "mine")
	p := a.problem(t, http.StatusGatewayTimeout, "bus.timeout")
	if !p.Retryable || !strings.Contains(p.Detail, "mine") {
		t.Errorf("problem %+v", p)
	}
}

func TestConductorsProblemIsPassedOn(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	given := events.Problem{
		Type: "https://millrace.dev/faults/submit.refused", Title: "full", Status: 503, Code: "submit.refused",
		Class: "resource", Retryable: true, Detail: "try later",
		Errors: []events.ProblemError{{Pointer: "/files/0", Code: "submit.refused", Detail: "d"}},
	}
	w.Conductor.Refuse(&given)
	a := ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(oneFile), "Content-Type", "application/json")
	p := a.problem(t, http.StatusServiceUnavailable, "submit.refused")
	same(t, "retry after", a.Header.Get("Retry-After"), "1")
	same(t, "instance", p.Instance, "/v1/jobs")
	p.Instance = ""
	same(t, "problem", p, given)

	w.Conductor.Refuse(&events.Problem{Title: "odd", Status: 7, Code: "x.y", Class: "bug", Type: "t"})
	a = ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(oneFile), "Content-Type", "application/json")
	a.problem(t, 500, "x.y")
}

func TestBadSubmissions(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gateway.Config{})
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		code       string
	}{
		{"empty", ``, nil, 400, "submit.invalid"},
		{"no JSON", `hello`, nil, 400, "submit.invalid"},
		{"an array", `[]`, nil, 400, "submit.invalid"},
		{"half", `{"pipeline":"keep","files":[`, nil, 400, "submit.invalid"},
		{"two values", oneFile + oneFile, nil, 400, "submit.invalid"},
		{"a member twice", `{"pipeline":"keep","pipeline":"keep","files":[]}`, nil, 400, "submit.invalid"},
		{"an inner member twice", `{"pipeline":"keep","files":[{"url":"file:///a","url":"file:///b"}]}`, nil, 400, "submit.invalid"},
		{"an unknown member", `{"pipeline":"keep","files":[{"url":"file:///a"}],"priority":1}`, nil, 400, "submit.invalid"},
		{"another case", `{"Pipeline":"keep","files":[{"url":"file:///a"}]}`, nil, 400, "submit.invalid"},
		{"no pipeline", `{"files":[{"url":"file:///a"}]}`, nil, 400, "submit.invalid"},
		{"a wildcard", `{"pipeline":"*","files":[{"url":"file:///a"}]}`, nil, 400, "submit.invalid"},
		{"a dot", `{"pipeline":"a.b","files":[{"url":"file:///a"}]}`, nil, 400, "submit.invalid"},
		{"pipeline a number", `{"pipeline":1,"files":[{"url":"file:///a"}]}`, nil, 400, "submit.invalid"},
		{"key a number", `{"pipeline":"keep","key":1,"files":[{"url":"file:///a"}]}`, nil, 400, "submit.invalid"},
		{"no files", `{"pipeline":"keep","files":[]}`, nil, 422, "submit.no_files"},
		{"two sources", `{"pipeline":"keep","files":[{"url":"file:///a","inline":"aGVsbG8K"}]}`, nil, 422, "submit.bad_source"},
		{"a name that climbs", `{"pipeline":"keep","files":[{"url":"file:///a","name":"../../etc/passwd"}]}`, nil, 422, "submit.bad_name"},
		{"a deep bomb", `{"pipeline":"keep","files":[{"url":"file:///a"}],"params":` + deep + `}`, nil, 400, "submit.invalid"},
		{"a deeper bomb", strings.Repeat("[", 500_000), nil, 400, "submit.invalid"},
		{"too large", `{"pipeline":"keep","x":"` + strings.Repeat("a", 1<<20) + `"}`, nil, 413, "http.too_large"},
		{"not UTF-8", "{\"pipeline\":\"keep\",\"files\":[{\"url\":\"file:///\xff\"}]}", nil, 400, "submit.invalid"},
		{"two keys", `{"pipeline":"keep","key":"a","files":[{"url":"file:///a"}]}`, []string{"Idempotency-Key", "b"}, 400, "http.bad_key"},
		{"a key twice", oneFile, []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, 400, "http.bad_key"},
		{"an empty key", oneFile, []string{"Idempotency-Key", `""`}, 400, "http.bad_key"},
		{"a long key", oneFile, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "http.bad_key"},
		{"a bad tenant", oneFile, []string{"Millrace-Tenant", "a.b"}, 400, "http.bad_request"},
		{"compressed", oneFile, []string{"Content-Encoding", "gzip"}, 415, "http.unsupported_media_type"},
		{"no such pipeline", `{"pipeline":"nope","files":[{"url":"file:///a"}]}`, nil, 404, "pipeline.not_found"},
	} {
		a := ask(t, "POST", w.URL+"/v1/jobs", strings.NewReader(c.body),
			append([]string{"Content-Type", "application/json"}, c.headers...)...)
		t.Run(c.name, func(t *testing.T) { a.problem(t, c.status, c.code) })
	}
	a := ask(t, "POST", w.URL+"/v1/jobs?pipeline=keep", strings.NewReader(oneFile), "Content-Type", "application/json")
	a.problem(t, 400, "http.bad_request")
	a = ask(t, "POST", w.URL+"/v1/jobs?pipeline=keep", strings.NewReader("x"), "Content-Type", "multipart/mixed; boundary=x")
	a.problem(t, 415, "http.unsupported_media_type")
}
