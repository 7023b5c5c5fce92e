package mill_test

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/telemetry"
	"github.com/millrace/millrace/services/mill"
)

// scraped is the values of a scrape, by series as it is written.
type scraped map[string]float64

// scrape reads the metrics at an address.
func scrape(t *testing.T, url string) scraped {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s is answered %d, %v: %s", url, r.StatusCode, err, data)
	}
	all := make(scraped)
	for line := range strings.Lines(string(data)) {
		series, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(line, "#") || strings.Contains(series, `{`) && !strings.HasSuffix(series, "}") {
			// A comment, or a label with a space in it.
			at := strings.LastIndex(line, "} ")
			if strings.HasPrefix(line, "#") || at < 0 {
				continue
			}
			series, value = line[:at+1], strings.TrimSpace(line[at+2:])
		}
		if all[series], err = strconv.ParseFloat(value, 64); !ok || err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
	}
	return all
}

// awaitSeries scrapes until series are as wanted.
func awaitSeries(t *testing.T, url string, want scraped) scraped {
	t.Helper()
	var got scraped
	for range 300 {
		got = scrape(t, url)
		missing := false
		for series, value := range want {
			v, ok := got[series]
			missing = missing || !ok || v != value
		}
		if !missing {
			return got
		}
		time.Sleep(100 * time.Millisecond)
	}
	for series, value := range want {
		if v, ok := got[series]; !ok || v != value {
			t.Errorf("%s is %v (%t), want %v", series, v, ok, value)
		}
	}
	return got
}

// TestMetrics lets a mill do something of everything, and reads at both of its doors what
// it has counted.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) {
		c.HTTPAddr, c.MetricsAddr, c.AllowPrivateNetworks = "127.0.0.1:0", "127.0.0.1:0", true
	})
	w.apply("flaky", `
    - id: slip
      uses: simulate@1
      with: { fail: { class: transient, times: 1 }, emit: [{ name: a.bin, bytes: 100 }] }
      retry: { initial: 1ms, max: 1ms }
    - { id: sum, uses: hash@1, needs: [slip] }`)
	w.apply("doubtful", "    - { id: stuck, uses: simulate@1, with: { fail: { class: auth } } }\n")
	if j := w.final(w.accepted("flaky", inline("one", "hello"))); j.State != events.JobCompleted {
		t.Fatalf("the job is %s", j.State)
	}
	w.await(w.accepted("doubtful", inline("two", "hello")), "attention", func(j events.Job) bool {
		return j.State == events.JobAttention
	})
	want := scraped{
		`millrace_jobs_accepted_total{pipeline="flaky"}`:                                           1,
		`millrace_jobs_ended_total{pipeline="flaky",state="completed"}`:                            1,
		`millrace_job_duration_seconds_count{pipeline="flaky"}`:                                    1,
		`millrace_jobs{pipeline="flaky",state="completed"}`:                                        1,
		`millrace_jobs{pipeline="doubtful",state="attention"}`:                                     1,
		`millrace_records_total{event="step.retry_scheduled"}`:                                     1,
		`millrace_retries_scheduled_total{class="transient",kind="work",stage="simulate"}`:         1,
		`millrace_attempts_total{class="transient",kind="work",outcome="failed",stage="simulate"}`: 1,
		`millrace_attempts_total{class="auth",kind="work",outcome="failed",stage="simulate"}`:      1,
		`millrace_attempts_total{class="none",kind="work",outcome="succeeded",stage="simulate"}`:   1,
		`millrace_attempts_total{class="none",kind="work",outcome="succeeded",stage="hash"}`:       1,
		`millrace_attempt_wait_seconds_count{kind="work",stage="hash"}`:                            1,
		`millrace_stage_written_bytes_total{stage="simulate"}`:                                     105,
		`millrace_stage_read_bytes_total{stage="hash"}`:                                            105,
		`millrace_decisions_opened_total`:                                                          1,
		`millrace_consumer_served{consumer="stage-hash"}`:                                          1,
		`millrace_consumer_pending{consumer="stage-hash"}`:                                         0,
		`millrace_stage_running{stage="hash"}`:                                                     0,
		`millrace_broker_connected{part="conductor"}`:                                              1,
		`millrace_look_failed{what="queues"}`:                                                      0,
		`millrace_look_failed{what="jobs"}`:                                                        0,
		`millrace_dead_letters_total`:                                                              0,
		`millrace_view_stale`:                                                                      0,
		`millrace_disk_level`:                                                                      0,
	}
	got := awaitSeries(t, w.mill.MetricsURL()+"/metrics", want)
	for _, series := range []string{
		`millrace_disk_free_bytes{disk="data"}`, `millrace_commit_duration_seconds_count`, `millrace_stage_slots{stage="hash"}`,
		`go_goroutines`, `process_start_time_seconds`,
	} {
		if got[series] <= 0 {
			t.Errorf("%s is %v", series, got[series])
		}
	}
	awaitSeries(t, w.mill.HTTPURL()+"/metrics", want)
	if n := scrape(t, w.mill.MetricsURL()+"/metrics")[`millrace_http_requests_total{method="GET",route="/metrics",status="200"}`]; n < 1 {
		t.Errorf("the gateway has counted %v scrapes", n)
	}
	known := knownSeries()
	for series := range got {
		name := regexp.MustCompile(`^\w+`).FindString(series)
		if strings.HasPrefix(name, "millrace_") && !slices.Contains(known, name) {
			t.Errorf("%s is in no table", name)
		}
	}
	awaitStatus(t, w.mill.MetricsURL()+"/readyz", http.StatusOK)
}

// knownSeries are the names of all series that a mill may have.
func knownSeries() (names []string) {
	for _, f := range telemetry.Families() {
		names = append(names, f.Series()...)
	}
	return names
}

func awaitStatus(t *testing.T, url string, status int) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != status {
		t.Errorf("%s is answered %d", url, r.StatusCode)
	}
}

// TestAWorkerHasADoor scrapes a process that runs one stage, and has no gateway.
func TestAWorkerHasADoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *mill.Config) {
		c.MetricsAddr, c.Roles = "127.0.0.1:0", []string{"stage:hash"}
	})
	if w.mill.HTTPURL() != "" {
		t.Error("it has a gateway")
	}
	got := scrape(t, w.mill.MetricsURL()+"/metrics")
	if _, ok := got[`millrace_stage_slots{stage="hash"}`]; !ok || got[`millrace_broker_connected{part="stages"}`] != 1 {
		t.Errorf("got %v", got)
	}
	if _, ok := got[`millrace_consumer_pending{consumer="stage-hash"}`]; ok {
		t.Error("a worker asks the broker what waits, which others do")
	}
	awaitStatus(t, w.mill.MetricsURL()+"/readyz", http.StatusOK)
	awaitStatus(t, w.mill.MetricsURL()+"/livez", http.StatusOK)
}
