package gateway_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus/bustest"
	"github.com/millrace/millrace/pkg/identity"
	"github.com/millrace/millrace/pkg/jobview"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/operator"
	"github.com/millrace/millrace/services/projector"
)

// lateList is a projector that is made after the gateway, and lateOperations an
// operator.
type (
	lateList       struct{ *projector.Projector }
	lateOperations struct{ *operator.Operator }
)

// wholeWorld is a guarded world in which nothing is missing behind the gateway: there
// is a list of jobs, somebody who carries operations out, and a decision to make. Who has the token "owner"
// may do everything.
func wholeWorld(t *testing.T, limits gateway.Limits) *guarded {
	t.Helper()
	list, ops := &lateList{}, &lateOperations{}
	w := guard(t, gateway.Config{Jobs: list, Views: list, Operations: ops, Limits: limits})
	w.door.tokens["owner"] = identity.Principal{
		Kind: identity.KindKey, ID: "owner", Tenant: identity.AnyTenant, Scopes: identity.All(),
	}
	views, err := jobview.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := views.Close(); err != nil {
			t.Error(err)
		}
	})
	list.Projector, err = projector.New(projector.Config{Bus: w.Conn, Views: views, Log: bustest.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	ops.Operator, err = operator.New(operator.Config{
		Bus: w.Conn, Jobs: list, Pipelines: w.Pipelines, Artifacts: w.Store, Log: bustest.Log(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	inBackground(t, list.Run)
	inBackground(t, ops.Run)
	<-list.Synced()
	var op api.Operation
	ask(t, "POST", w.URL+"/v1/operations", strings.NewReader(`{"verb":"retry","reason":"why","filter":{"ids":["`+w.names["job"]+`"]}}`),
		"Content-Type", events.ContentTypeJSON, "Authorization", "Bearer owner", api.HeaderTenant, "a").into(t, 202, &op)
	w.names["operation"] = op.ID
	w.Conductor.Outcome(w.names["job"], &events.Fault{Code: "test.auth", Class: "auth"})
	return w
}

// inBackground runs what ends with the test.
func inBackground(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		case <-time.After(hanging):
			t.Error("it does not end")
		}
	})
}
