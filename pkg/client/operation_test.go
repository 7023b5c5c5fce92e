package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
	"github.com/millrace/millrace/services/operator"
)

// lateOperations are those of an operator that is made after the gateway.
type lateOperations struct{ *operator.Operator }

// withOperations runs an operator in a world.
func withOperations(t *testing.T) (*gatewaytest.World, *client.Client) {
	t.Helper()
	late := &lateOperations{}
	w := gatewaytest.New(t, gateway.Config{Operations: late})
	var err error
	late.Operator, err = operator.New(operator.Config{
		Bus: w.Conn, Jobs: withList(t, w), Pipelines: w.Pipelines, Artifacts: w.Store, Look: 10 * time.Millisecond, Settle: 50 * time.Millisecond,
		Log: bustest.Log(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- late.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("operator: %v", err)
		}
	})
	return w, connect(t, client.Config{Server: w.URL})
}

func TestOperations(t *testing.T) {
	t.Parallel()
	_, c := withOperations(t)
	ids := []string{"nope"}
	for range 3 {
		ids = append(ids, submit(t, c))
	}
	r := api.OperationRequest{
		Verb: api.OperationCancel, Reason: "wrong files", Filter: api.OperationFilter{IDs: ids}, Rate: 1000,
	}
	op, err := c.StartOperation(t.Context(), r, `"a", \b`)
	if err != nil || op.Counts.Matched != 4 || op.By != "http" {
		t.Fatalf("%+v %v", op, err)
	}
	again, err := c.StartOperation(t.Context(), r, `"a", \b`)
	if err != nil || again.ID != op.ID {
		t.Errorf("the same request: %+v %v", again, err)
	}
	deadline := time.Now().Add(soon)
	for op.State != api.OperationDone {
		if op, err = c.Operation(t.Context(), op.ID); err != nil || time.Now().After(deadline) {
			t.Fatalf("%+v %v", op, err)
		}
	}
	same(t, "counts", op.Counts, api.OperationCounts{Matched: 4, Done: 3, Refused: 1})
	n := 0
	for it, err := range c.AllOperationItems(t.Context(), op.ID, api.ItemQuery{Limit: 2}) {
		if n++; err != nil || it.ID != ids[n-1] || it.Number != n {
			t.Errorf("%+v %v", it, err)
		}
	}
	same(t, "items", n, 4)
	page, err := c.OperationItems(t.Context(), op.ID, api.ItemQuery{State: api.ItemRefused})
	if err != nil || len(page.Items) != 1 || page.Items[0].Code != string(fault.JobNotFound) {
		t.Errorf("%+v %v", page, err)
	}
	j, err := c.Job(t.Context(), ids[1])
	if err != nil || j.Job.State != events.JobCancelled && j.Job.State != events.JobCancelling || j.Job.Reason != "wrong files" {
		t.Errorf("%+v %v", j, err)
	}
	list, err := c.Operations(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != op.ID {
		t.Errorf("%+v %v", list, err)
	}
	if _, err := c.StopOperation(t.Context(), op.ID, "late"); !fault.Has(err, fault.OperationNotAllowed) {
		t.Errorf("stopped when done: %v", err)
	}
}

func TestOperationsThatAreRefused(t *testing.T) {
	t.Parallel()
	_, c := withOperations(t)
	var p *client.Problem
	_, err := c.StartOperation(t.Context(), api.OperationRequest{Verb: "sing", Rate: -1}, "")
	if !fault.Has(err, fault.OperationInvalid) || !errors.As(err, &p) || len(p.Errors) != 4 || p.Status != 422 {
		t.Errorf("%v %+v", err, p)
	}
	if _, err := c.Operation(t.Context(), "nope"); !fault.Has(err, fault.OperationNotFound) {
		t.Errorf("there is one: %v", err)
	}
	if _, err := c.ResumeOperation(t.Context(), "nope"); !fault.Has(err, fault.OperationNotFound) {
		t.Errorf("resumed: %v", err)
	}
	if _, err := c.OperationItems(t.Context(), "nope", api.ItemQuery{}); !fault.Has(err, fault.OperationNotFound) {
		t.Errorf("items: %v", err)
	}
	_, without := newWorld(t, gateway.Limits{})
	short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := without.Operations(short); !fault.Has(err, fault.HTTPNotReady) {
		t.Errorf("without an operator: %v", err)
	}
}
