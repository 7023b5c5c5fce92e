package telemetry

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// scrape returns the lines of a scrape that are about what a mill measures.
func scrape(t *testing.T, m *Metrics) []string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("a scrape is answered %d: %s", w.Code, w.Body)
	}
	var lines []string
	for s := bufio.NewScanner(w.Body); s.Scan(); {
		if strings.Contains(s.Text(), "millrace_") {
			lines = append(lines, s.Text())
		}
	}
	return lines
}

func wants(t *testing.T, lines []string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(lines, w) {
			t.Errorf("there is no line %q in\n%s", w, strings.Join(lines, "\n"))
		}
	}
}

// full has counted everything there is to count, once.
func full() *Metrics {
	m := New(Build{Version: "v1", Revision: "abc"})
	job := events.Job{
		Pipeline: events.PipelineRef{Name: "intake"}, State: events.JobCompleted,
		AcceptedAt: time.Unix(0, 0), FinishedAt: time.Unix(3, 0),
		Steps: map[string]events.Step{"pack": {Stage: "compress@1"}},
	}
	m.Conductor.Committed(&events.Record{Revision: 1, Type: flow.TypeJobAccepted, Job: job}, "", time.Millisecond)
	failed := &events.AttemptOutcome{Step: "pack", Fault: &events.Fault{Class: "transient"}}
	m.Conductor.Committed(&events.Record{
		Revision: 2, Type: flow.TypeJobWaiting, Cause: flow.TypeStepRetryScheduled, Job: job,
		Input: events.Input{Outcome: failed},
	}, events.JobRunning, time.Millisecond)
	m.Conductor.Failed(errors.New("broken"))
	m.Conductor.Asked()
	m.Conductor.Decided()
	m.Conductor.Overdue()
	m.Conductor.Republished(2)
	task := &events.Task{Stage: "compress@1", Files: []events.File{{Size: 7}}}
	m.Stages.Began(task, time.Second)
	m.Stages.Resumed(task, &events.Resumed{Done: 9, Decision: "resume"})
	m.Stages.Answered(task, &events.AttemptOutcome{
		Verdict: events.VerdictSucceeded, Checkpoints: 3, Files: []events.File{{Size: 4}},
	})
	m.HTTP.Ended(Request{Route: "/v1/jobs/{id}", Method: "GET", Status: 200, Took: time.Millisecond, Received: 1, Sent: 2})
	m.HTTP.Ended(Request{Method: "BREW", Status: 405})
	m.Webhooks.Sent("delivered", time.Millisecond)
	m.Look("all", func(_ context.Context, s *Sight) error {
		*s = Sight{
			Connections: []Connection{{Part: "gateway", Up: true}},
			Consumers:   []Consumer{{Name: "stage-compress", Pending: 5, Oldest: 2 * time.Second}},
			Stages:      []Running{{Stage: "compress", Tasks: 1, Slots: 2}},
			Jobs:        []Jobs{{Pipeline: "intake", State: "running", Count: 3}},
			Breakers:    []Breaker{{Dependency: "http:example.com", State: 2}},
			Disks:       []Disk{{Name: "data", Free: 1, Size: 2}},
			DiskLevel:   new(1), DeadLetters: &DeadLetters{Ever: 4, Kept: 2},
			View: &View{Records: 1, Seconds: .5, Stale: true}, Gateway: &Gateway{Followers: 6, Uploads: 1},
		}
		return nil
	})
	return m
}

// TestFamilies wants every family of the table in a scrape as the table says it, and
// nothing else.
func TestFamilies(t *testing.T) {
	t.Parallel()
	help := regexp.MustCompile(`^# (HELP|TYPE) (\S+) (.*)$`)
	got := make(map[string][2]string)
	for _, line := range scrape(t, full()) {
		m := help.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		said := got[m[2]]
		if m[1] == "HELP" {
			said[0] = m[3]
		} else {
			said[1] = m[3]
		}
		got[m[2]] = said
	}
	want := make(map[string][2]string)
	for _, f := range Families() {
		want[f.Name] = [2]string{f.Help, string(f.Kind)}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestNames holds the names to their conventions.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, f := range Families() {
		switch {
		case !regexp.MustCompile(`^millrace_[a-z]+(_[a-z]+)*$`).MatchString(f.Name):
			t.Errorf("%s is no name", f.Name)
		case (f.Kind == Counter) != strings.HasSuffix(f.Name, "_total"):
			t.Errorf("%s is a %s", f.Name, f.Kind)
		case f.Kind == Histogram && !strings.HasSuffix(f.Name, "_seconds"):
			t.Errorf("%s is a histogram of no duration", f.Name)
		case !strings.HasSuffix(f.Help, "."):
			t.Errorf("the help of %s is no sentence", f.Name)
		}
		for _, l := range f.Labels {
			if slices.Contains([]string{"job", "tenant", "id", "key", "digest", "worker"}, l) {
				t.Errorf("%s has label %s, which nothing bounds", f.Name, l)
			}
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	wants(t, scrape(t, full()),
		`millrace_jobs_accepted_total{pipeline="intake"} 1`,
		`millrace_jobs_ended_total{pipeline="intake",state="completed"} 2`,
		`millrace_job_duration_seconds_sum{pipeline="intake"} 6`,
		`millrace_records_total{event="step.retry_scheduled"} 1`,
		`millrace_retries_scheduled_total{class="transient",kind="work",stage="compress"} 1`,
		`millrace_commit_duration_seconds_count 2`,
		`millrace_commit_errors_total{class="unclassified"} 1`,
		`millrace_lost_work_republished_total 2`,
		`millrace_attempts_total{class="none",kind="work",outcome="succeeded",stage="compress"} 1`,
		`millrace_attempt_wait_seconds_sum{kind="work",stage="compress"} 1`,
		`millrace_resumed_bytes_total{stage="compress"} 9`,
		`millrace_checkpoints_saved_total{stage="compress"} 3`,
		`millrace_stage_read_bytes_total{stage="compress"} 7`,
		`millrace_stage_written_bytes_total{stage="compress"} 4`,
		`millrace_http_requests_total{method="GET",route="/v1/jobs/{id}",status="200"} 1`,
		`millrace_http_requests_total{method="other",route="none",status="405"} 1`,
		`millrace_http_received_bytes_total 1`, `millrace_http_sent_bytes_total 2`,
		`millrace_webhook_deliveries_total{outcome="delivered"} 1`,
		`millrace_consumer_oldest_seconds{consumer="stage-compress"} 2`,
		`millrace_consumer_served{consumer="stage-compress"} 0`,
		`millrace_breaker_state{dependency="http:example.com"} 2`,
		`millrace_dead_letters_total 4`, `millrace_view_stale 1`, `millrace_disk_level 1`,
		`millrace_jobs{pipeline="intake",state="running"} 3`, `millrace_look_failed{what="all"} 0`,
	)
}

// TestLabelsAreBounded makes more pipelines and dependencies than have labels: the rest
// shares one, and nothing is lost.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := New(Build{})
	var s Sight
	for i := range mostPipelines + 3 {
		name := fmt.Sprintf("p%d", i)
		job := events.Job{Pipeline: events.PipelineRef{Name: name}, State: events.JobAccepted}
		m.Conductor.Committed(&events.Record{Revision: 1, Type: flow.TypeJobAccepted, Job: job}, "", 0)
		s.Jobs = append(s.Jobs, Jobs{Pipeline: name, State: "accepted", Count: 2})
	}
	for i := range mostDependencies + 2 {
		s.Breakers = append(s.Breakers, Breaker{Dependency: fmt.Sprintf("http:h%d", i), State: i % 2})
	}
	m.Look("all", func(_ context.Context, got *Sight) error { *got = s; return nil })
	lines := scrape(t, m)
	wants(t, lines, `millrace_jobs_accepted_total{pipeline="other"} 3`, `millrace_jobs{pipeline="other",state="accepted"} 6`,
		`millrace_jobs_accepted_total{pipeline="p0"} 1`, `millrace_breaker_state{dependency="other"} 1`)
	if n := strings.Count(strings.Join(lines, "\n"), "\nmillrace_jobs_accepted_total{"); n != mostPipelines+1 {
		t.Errorf("pipelines have %d labels", n)
	}
}

// TestAFailedLook leaves out what could not be looked at and says so; the rest is there.
func TestAFailedLook(t *testing.T) {
	t.Parallel()
	m := full()
	m.Look("queues", func(ctx context.Context, _ *Sight) error {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("a look has no end")
		}
		return errors.New("the broker is away")
	})
	wants(t, scrape(t, m), `millrace_look_failed{what="queues"} 1`, `millrace_look_failed{what="all"} 0`, `millrace_disk_level 1`)
}

// TestNil counts nothing where nobody wants it counted.
func TestNil(t *testing.T) {
	t.Parallel()
	var m Metrics
	m.Conductor.Committed(&events.Record{}, "", 0)
	m.Conductor.Failed(nil)
	m.Conductor.Asked()
	m.Conductor.Decided()
	m.Conductor.Overdue()
	m.Conductor.Republished(1)
	m.Stages.Began(nil, 0)
	m.Stages.Answered(nil, nil)
	m.Stages.Resumed(nil, nil)
	m.HTTP.Ended(Request{})
	m.Webhooks.Sent("", 0)
}

// askAs asks with a Host of one's choice, and returns the status.
func askAs(t *testing.T, url, host string) int {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Host = host
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	return r.StatusCode
}

func TestDoor(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	d := &Door{Metrics: full(), Ready: func() (map[string]string, bool) {
		select {
		case <-ready:
			return map[string]string{"broker": "ok"}, true
		default:
			return map[string]string{"broker": "it cannot be reached"}, false
		}
	}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, l) }()
	ask := func(path string, status int, holds string) {
		t.Helper()
		r, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil || r.StatusCode != status || !strings.Contains(string(body), holds) {
			t.Errorf("%s is answered %d, %v: %s", path, r.StatusCode, err, body)
		}
	}
	ask("/livez", 200, `"status":"ok"`)
	ask("/readyz", 503, "cannot be reached")
	close(ready)
	ask("/readyz", 200, `"broker":"ok"`)
	ask("/metrics", 200, "\nmillrace_dead_letters_total 4\n")
	ask("/v1/jobs", 404, "")
	if r := askAs(t, "http://"+l.Addr().String()+"/metrics", "evil.example:80"); r != http.StatusMisdirectedRequest {
		t.Errorf("a page that found a name for this address is answered %d", r)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
