package client_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// listOf is a list of jobs with one of them on each page.
type listOf struct{ jobs []string }

func (l *listOf) List(_ context.Context, _ string, q api.JobQuery) (page api.JobPage, err error) {
	i, _ := strconv.Atoi(q.Cursor)
	if i < len(l.jobs) {
		page.Jobs = []api.JobItem{{ID: l.jobs[i]}}
	}
	if i+1 < len(l.jobs) {
		page.NextCursor = strconv.Itoa(i + 1)
	}
	return page, nil
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	list := &listOf{}
	w := gatewaytest.New(t, gateway.Config{Jobs: list})
	c := connect(t, client.Config{Server: w.URL})
	w.Conductor.Rules(flow.Rules)
	ctx := t.Context()
	for range 2 {
		job := submit(t, c)
		w.Conductor.Outcome(job, &events.Fault{Code: "test.auth", Class: "auth"})
		list.jobs = append(list.jobs, job)
	}
	var ids []string
	for d, err := range c.AllDecisions(ctx, api.DecisionQuery{Class: "auth", Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	same(t, "ids", ids, []string{list.jobs[0] + ".keep", list.jobs[1] + ".keep"})
	d, err := c.Decision(ctx, ids[0])
	if err != nil || d.Version != "1" || len(d.Choices) == 0 {
		t.Fatalf("decision %+v, %v", d, err)
	}
	answer := api.DecisionAnswer{Choice: events.ChooseRetry, Reason: "new key"}
	if _, err := c.Decide(ctx, d.ID, "7", answer); !fault.Has(err, fault.DecisionStale) {
		t.Errorf("a stale one: %v", err)
	}
	made, err := c.Decide(ctx, d.ID, d.Version, answer)
	if err != nil || made.Made == nil || made.Made.Reason != "new key" || made.State != events.JobRunning {
		t.Errorf("made %+v, %v", made, err)
	}
	if _, err := c.Decide(ctx, d.ID, d.Version, answer); !fault.Has(err, fault.DecisionMade) {
		t.Errorf("made twice: %v", err)
	}
	if _, err := c.Decision(ctx, "nope"); !fault.Has(err, fault.DecisionNotFound) {
		t.Errorf("none: %v", err)
	}
	for _, err := range c.AllDecisions(ctx, api.DecisionQuery{Class: "rubbish"}) {
		if !fault.Has(err, fault.HTTPBadRequest) {
			t.Errorf("a class that is none: %v", err)
		}
	}
}
