package main

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/jobview"
)

const (
	tenant   = events.DefaultTenant
	perBatch = 1000
)

// began is when the first job was accepted; the others follow 200 ms apart.
var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func acceptedAt(n int) time.Time { return began.Add(time.Duration(n) * 200 * time.Millisecond) }

// codes are the faults of the jobs that fail.
var codes = []string{"fetch.not_found", "fetch.unreachable", "httpcall.timeout", "csvtoparquet.bad_rows"}

// story is the log of the jobs from first to before last: each is accepted, runs, and
// ends or is left in the middle.
func story(first, last int, at uint64) []jobview.Entry {
	var list []jobview.Entry
	add := func(n int, j events.Job, revision uint64, in events.Input) {
		at++
		list = append(list, jobview.Entry{
			Sequence: at, Tenant: tenant, Pipeline: j.Pipeline.Name, Job: j.ID,
			Record: events.Record{
				Type: "x", Revision: revision, Time: acceptedAt(n).Add(time.Duration(revision) * time.Second), Input: in, Job: j,
			},
		})
	}
	for n := first; n < last; n++ {
		j := jobOf(n)
		add(n, j, 1, events.Input{})
		end(&j, n)
		in := events.Input{}
		if j.Fault != nil {
			in.Outcome = &events.AttemptOutcome{Fault: j.Fault}
		}
		add(n, j, 2, in)
	}
	return list
}

func jobOf(n int) events.Job {
	key := fmt.Sprintf("order-%d", n)
	return events.Job{
		ID: events.JobID(tenant, key), Tenant: tenant, State: events.JobAccepted, Key: key,
		Pipeline: events.PipelineRef{Name: fmt.Sprintf("pipeline-%d", n%20), Digest: "sha256:0123456789abcdef"},
		Files:    []events.Source{{Name: fmt.Sprintf("invoice-%d-%s.pdf", n, []string{"north", "south", "east", "west"}[n%4])}},
		Labels: map[string]string{
			"team": fmt.Sprintf("team%d", n%10), "customer": fmt.Sprintf("c%d", n%10_000), "batch": fmt.Sprintf("b%d", n/1000),
		},
		Steps: map[string]events.Step{
			"fetch": {State: events.StepSucceeded, Stage: "fetch@1"}, "publish": {State: events.StepQueued, Stage: "publish@1"},
		},
		AcceptedAt: acceptedAt(n),
	}
}

// end moves a job to where it stands: most are completed, one of 50 has failed, one of
// 1,000 needs a person, one of 500 runs.
func end(j *events.Job, n int) {
	switch {
	case n%1000 == 7:
		j.State = events.JobAttention
		j.Fault = &events.Fault{Code: codes[n%3], Class: "transient", Message: "it did not answer"}
	case n%500 == 3:
		j.State = events.JobRunning
	case n%50 == 1:
		j.State = events.JobFailed
		j.Fault = &events.Fault{Code: codes[n/50%len(codes)], Class: "data_quality", Message: "the file is broken"}
		j.FinishedAt = j.AcceptedAt.Add(time.Duration(n%977) * time.Second)
	default:
		j.State = events.JobCompleted
		j.FinishedAt = j.AcceptedAt.Add(time.Duration(n%977) * time.Second)
	}
}

// questions are all that a list can be asked, alone and together.
func questions(jobs int) []question {
	middle := acceptedAt(jobs / 2)
	pages := min(80, jobs/1000)
	return []question{
		list("all", api.JobQuery{}),
		list("a page of 500", api.JobQuery{Limit: 500}),
		deep(fmt.Sprintf("all, %d jobs deep", pages*api.MaxLimit), api.JobQuery{}, pages),
		list("oldest", api.JobQuery{Sort: api.SortOldest}),
		list("last updated", api.JobQuery{Sort: api.SortUpdated}),
		list("last finished", api.JobQuery{Sort: api.SortFinished}),
		list("longest", api.JobQuery{Sort: api.SortDuration}),
		list("one state", api.JobQuery{States: []events.JobState{"failed"}}),
		list("a rare state", api.JobQuery{States: []events.JobState{"attention"}}),
		list("four states", api.JobQuery{States: []events.JobState{"running", "attention", "waiting", "failed"}}),
		list("four states, last updated", api.JobQuery{States: []events.JobState{"running", "attention", "waiting", "failed"}, Sort: api.SortUpdated}),
		list("a rare state, longest", api.JobQuery{States: []events.JobState{"rolled_back"}, Sort: api.SortDuration}),
		list("a pipeline", api.JobQuery{Pipeline: "pipeline-7"}),
		list("a pipeline that is not there", api.JobQuery{Pipeline: "nothing"}),
		list("a pipeline and a state", api.JobQuery{Pipeline: "pipeline-11", States: []events.JobState{"failed"}}),
		list("a common label", api.JobQuery{Labels: map[string]string{"team": "team3"}}),
		list("a rare label", api.JobQuery{Labels: map[string]string{"customer": "c77"}}),
		list("a rare label, last updated", api.JobQuery{Labels: map[string]string{"customer": "c77"}, Sort: api.SortUpdated}),
		list("two labels that never meet", api.JobQuery{Labels: map[string]string{"team": "team3", "customer": "c4"}}),
		list("a common label and a state", api.JobQuery{Labels: map[string]string{"team": "team1"}, States: []events.JobState{"failed"}}),
		list("a label and a state that never meet", api.JobQuery{Labels: map[string]string{"team": "team2"}, States: []events.JobState{"failed"}}),
		list("a code", api.JobQuery{Fault: codes[1]}),
		list("a class", api.JobQuery{Class: "data_quality"}),
		list("a code and a time", api.JobQuery{Fault: codes[1], Until: middle}),
		list("since the middle, oldest", api.JobQuery{Since: middle, Sort: api.SortOldest}),
		list("an hour in the middle", api.JobQuery{Since: middle, Until: middle.Add(time.Hour)}),
		list("an hour in the middle, longest", api.JobQuery{Since: middle, Until: middle.Add(time.Hour), Sort: api.SortDuration}),
		list("a word of all", api.JobQuery{Search: "invoice"}),
		list("a word of a quarter", api.JobQuery{Search: "north"}),
		list("a word of one", api.JobQuery{Search: fmt.Sprint(jobs / 3)}),
		list("the beginning of a word of all", api.JobQuery{Search: "inv*"}),
		list("the long beginning of a word of all", api.JobQuery{Search: "invoi*"}),
		list("a word of all and a state", api.JobQuery{Search: "invoice", States: []events.JobState{"failed"}}),
		list("a word and a label", api.JobQuery{Search: "south", Labels: map[string]string{"team": "team1"}}),
		list("words that never meet", api.JobQuery{Search: "south north"}),
		{"counts", func(ctx context.Context, v *jobview.View) (int, error) {
			c, err := v.Counts(ctx, tenant, "")
			return int(c.Jobs), err
		}},
		stats("failures of 100 days", func(ctx context.Context, v *jobview.View, q api.StatsQuery) (int, error) {
			f, err := v.Failures(ctx, tenant, q)
			return len(f.Failures), err
		}),
	}
}

// stats asks for numbers of 100 days by the day.
func stats(name string, ask func(context.Context, *jobview.View, api.StatsQuery) (int, error)) question {
	q := api.StatsQuery{Since: began, Until: began.AddDate(0, 0, 100), By: api.ByDay}
	return question{name, func(ctx context.Context, v *jobview.View) (int, error) { return ask(ctx, v, q) }}
}
