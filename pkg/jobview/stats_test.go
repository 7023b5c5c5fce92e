package jobview

import (
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
)

// story is a job that fails twice and recovers after 10 minutes, one that is given up,
// and one that all is well with.
func (w *world) story() {
	failed := &events.AttemptOutcome{Fault: &events.Fault{Code: "fetch.stalled", Class: "timeout"}}
	trouble := failing("fetch.stalled", "timeout")
	w.write(job{id: "a"}, job{id: "b"}, job{id: "c", pipeline: "q"})
	w.write(job{id: "a", state: "waiting", steps: trouble, outcome: failed}, job{id: "b", state: "waiting", steps: trouble, outcome: failed})
	w.clock = w.clock.Add(5 * time.Minute)
	w.write(job{id: "a", state: "waiting", steps: trouble, outcome: failed})
	w.clock = w.clock.Add(5 * time.Minute)
	w.write(job{id: "a", state: events.JobRunning, outcome: &events.AttemptOutcome{}})
	w.clock = w.clock.Add(time.Hour)
	w.write(
		job{id: "b", state: events.JobFailed, fault: &events.Fault{Code: "fetch.gone", Class: "data_quality"}},
		job{id: "a", state: events.JobCompleted}, job{id: "c", pipeline: "q", state: events.JobCompleted},
	)
}

// ofDay is a query about the day of the story.
func ofDay(by string) api.StatsQuery {
	return api.StatsQuery{Since: epoch, Until: epoch.Add(90 * time.Minute), By: by}
}

func TestCounts(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.story()
		got, err := w.view.Counts(t.Context(), "default", "")
		w.ok(err)
		same(t, "counts", got, api.Counts{
			Jobs: 3, States: map[string]int64{"completed": 2, "failed": 1},
			Pipelines: []api.PipelineCount{
				{Name: "p", Jobs: 2, States: map[string]int64{"completed": 1, "failed": 1}},
				{Name: "q", Jobs: 1, States: map[string]int64{"completed": 1}},
			},
			Faults: []api.FaultCount{{Code: "fetch.gone", Class: "data_quality", Jobs: 1}},
		})
		got, err = w.view.Counts(t.Context(), "default", "q")
		w.ok(err)
		same(t, "of one pipeline", got.States, map[string]int64{"completed": 1})
		got, err = w.view.Counts(t.Context(), "nobody", "")
		w.ok(err)
		same(t, "of nobody", got, api.Counts{
			States: map[string]int64{}, Pipelines: []api.PipelineCount{}, Faults: []api.FaultCount{},
		})
	})
}

func TestCensus(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.story()
		w.write(job{id: "d", tenant: "acme", state: events.JobCompleted})
		got, err := w.view.Census(t.Context())
		w.ok(err)
		same(t, "census", got, []Crowd{{"p", "completed", 2}, {"p", "failed", 1}, {"q", "completed", 1}})
	})
}

func TestFailures(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.story()
		got, err := w.view.Failures(t.Context(), "default", ofDay(api.ByHour))
		w.ok(err)
		for i := range got.Failures {
			if got.Failures[i].Code == "fetch.stalled" && got.Failures[i].Hint == "" {
				t.Error("there is no hint")
			}
			got.Failures[i].Hint = ""
		}
		same(t, "failures", got.Failures, []api.Failure{
			{Code: "fetch.stalled", Class: "timeout", Count: 3, LastAt: epoch.Add(5*time.Minute + 6*time.Second)},
			{
				Code: "fetch.gone", Class: "data_quality", Count: 1, LastAt: epoch.Add(70*time.Minute + 8*time.Second),
				Jobs: 1, Example: "b",
			},
		})
		q := ofDay(api.ByHour)
		q.Pipeline = "q"
		got, err = w.view.Failures(t.Context(), "default", q)
		w.ok(err)
		same(t, "of the other pipeline", got.Failures, []api.Failure{})
	})
}

func TestRecovery(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.story()
		got, err := w.view.Recovery(t.Context(), "default", ofDay(api.ByHour))
		w.ok(err)
		if len(got.Spans) != 2 {
			t.Fatalf("%d spans", len(got.Spans))
		}
		first := got.Spans[0]
		if median := first.MedianMS; median < 540_000 || median > 670_000 || first.P95MS != median {
			t.Errorf("the median of 10 minutes is %d ms, the rest %d ms", median, first.P95MS)
		}
		first.MedianMS, first.P95MS = 0, 0
		same(t, "first hour", first, api.Recovery{At: epoch, Recovered: 1, MeanMS: 603_000})
		same(t, "second hour", got.Spans[1], api.Recovery{At: epoch.Add(time.Hour), GivenUp: 1})
		days, err := w.view.Recovery(t.Context(), "default", ofDay(api.ByDay))
		w.ok(err)
		same(t, "days", len(days.Spans), 1)
		same(t, "recovered", days.Spans[0].Recovered+days.Spans[0].GivenUp, 2)
		same(t, "day", days.Spans[0].At, epoch.Truncate(24*time.Hour))
	})
}

func TestThroughput(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.story()
		got, err := w.view.Throughput(t.Context(), "default", ofDay(api.ByHour))
		w.ok(err)
		same(t, "spans", got.Spans, []api.Flow{
			{At: epoch, Accepted: 3, Failures: 3, Finished: map[string]int64{}},
			{
				At: epoch.Add(time.Hour), Failures: 1, Finished: map[string]int64{"failed": 1, "completed": 2},
				MeanMS: (4206 + 4208 + 4207) * 1000 / 3,
			},
		})
	})
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	for _, ms := range []int64{0, 1, 10, 999, 60_000, 86_400_000, 1 << 40} {
		bucket := 0
		for ; bucketName(ms) != bucketName(int64(bucketTime(bucket))); bucket++ {
			if bucket > 1000 {
				t.Fatalf("%d ms is in no bucket", ms)
			}
		}
		if got := bucketTime(bucket); got < float64(ms)*0.85-1 || got > float64(ms)*1.2+1 {
			t.Errorf("%d ms comes back as %.0f ms", ms, got)
		}
	}
}
