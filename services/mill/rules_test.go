package mill_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/rulebook"
	"github.com/millrace/millrace/services/mill"
)

// TestARuleAboutADependency has a host answer 404 for a while, which fails a job for
// good. A rule that names the host makes a running mill wait for it instead.
func TestARuleAboutADependency(t *testing.T) {
	t.Parallel()
	var back atomic.Bool
	host := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		if !back.Load() {
			http.Error(out, "being restarted", http.StatusNotFound)
			return
		}
		_, _ = out.Write([]byte("content"))
	}))
	defer host.Close()
	w := newWorld(t, func(c *mill.Config) { c.AllowPrivateNetworks = true })
	w.apply("get", `
    - id: get
      uses: fetch@1
`)
	submit := func(key string) string {
		return w.accepted("get", events.Submission{Key: key, Files: []events.Source{{URL: host.URL + "/file"}}})
	}
	j := w.final(submit("before"))
	dependency := "http:" + strings.TrimPrefix(host.URL, "http://")
	if f := j.Steps["get"].Fault; j.State != events.JobFailed || f == nil || f.Dependency != dependency {
		t.Fatalf("without a rule the job ended as %s, with %+v; want %s to blame", j.State, f, dependency)
	}

	kv, err := w.conn.KV(t.Context(), events.BucketRules)
	if err != nil {
		t.Fatal(err)
	}
	_, _, _, err = rulebook.New(kv, rulebook.Options{}).Set(t.Context(), events.Rule{
		Name: "restart", Match: events.RuleMatch{Code: "fetch.*", Dependency: dependency[:len(dependency)-1] + "*"},
		Then: events.RuleThen{Class: string(fault.DependencyDown), MaxMS: 50}, Reason: "it is being restarted",
	}, rulebook.When{})
	if err != nil {
		t.Fatal(err)
	}
	ruled := func(j events.Job) bool { return j.Steps["get"].Ruling != nil }
	for n := 0; ; n++ { // the conductor has the rule within a moment
		job := submit(fmt.Sprint("during", n))
		j := w.await(job, "an answer", func(j events.Job) bool { return flow.Final(j.State) || ruled(j) })
		if !ruled(j) && n < 100 {
			continue
		}
		if j.Steps["get"].Ruling == nil || j.Steps["get"].Ruling.Rule != "restart" {
			t.Fatalf("with the rule the step is %+v", j.Steps["get"])
		}
		w.await(job, "a third attempt", func(j events.Job) bool { return j.Steps["get"].Attempt > 2 })
		back.Store(true)
		if j := w.final(job); j.State != events.JobCompleted || j.Steps["get"].Spent != 0 {
			t.Errorf("the job ended as %s: %+v", j.State, j.Steps["get"])
		}
		return
	}
}
