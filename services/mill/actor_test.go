package mill_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/mill"
)

// actor is a stage with an undo. What it does, and how that is taken back, depends on
// how often it was asked before.
type actor struct {
	name        string
	run         func(n int32) (stage.Result, error)
	undo        func(n int32, done stage.Result) error
	runs, undos atomic.Int32
}

func (a *actor) Spec() stage.Spec {
	return stage.Spec{
		Name: a.name, Version: 1, Logic: "1", Summary: "Acts.", Guarantee: "None.", Inputs: "Any.", Outputs: "None.",
	}
}

func (a *actor) Run(context.Context, *stage.Task) (stage.Result, error) { return a.run(a.runs.Add(1)) }

func (a *actor) Compensate(_ context.Context, _ *stage.Task, done stage.Result) error {
	return a.undo(a.undos.Add(1), done)
}

// fails is a run, or an undo, that throws n times and then goes well.
func fails(n int32) func(int32) error {
	return func(i int32) error {
		if i <= n {
			return errors.New("thrown")
		}
		return nil
	}
}

// acting is an actor whose runs and undos throw so many times.
func acting(name string, runs, undos int32) *actor {
	return &actor{
		name: name,
		run:  func(n int32) (stage.Result, error) { return stage.Result{}, fails(runs)(n) },
		undo: func(n int32, _ stage.Result) error { return fails(undos)(n) },
	}
}

// staged is a mill with a gateway and those stages, and a client of it.
func staged(t *testing.T, stages ...stage.Stage) (*world, *client.Client) {
	t.Helper()
	w := newWorld(t, func(c *mill.Config) {
		c.HTTPAddr, c.AllowPrivateNetworks, c.AllowCommands, c.ExtraStages = "127.0.0.1:0", true, []string{"sh"}, stages
	})
	return w, w.client()
}

// client is a client of the mill as it runs now.
func (w *world) client() *client.Client {
	w.t.Helper()
	c, err := client.New(client.Config{Server: w.mill.HTTPURL()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// listen subscribes to a type of events, and hands on what it is told.
func (w *world) listen(c *client.Client, of string) <-chan events.Notification {
	w.t.Helper()
	told := make(chan events.Notification, 100)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n events.Notification
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			w.t.Error(err)
		}
		told <- n
	}))
	w.t.Cleanup(s.Close)
	if _, err := c.CreateWebhook(w.t.Context(), api.WebhookRequest{URL: s.URL, Types: []string{of}}); err != nil {
		w.t.Fatal(err)
	}
	return told
}

func (w *world) attention(job string) events.Job {
	w.t.Helper()
	return w.await(job, "to attention", func(j events.Job) bool { return j.State == events.JobAttention })
}

func same[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}
