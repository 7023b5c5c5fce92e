package mill_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/deploy/browsertest"
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/services/mill"
)

// TestDashboardBreakerOfAStage has a host be ill while a stage asks it, and well again:
// the card of that stage says so, and those of the others do not.
func TestDashboardBreakerOfAStage(t *testing.T) {
	t.Parallel()
	var well atomic.Bool
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(host.Close)
	d := openDashboard(t, newWorld(t, func(c *mill.Config) {
		c.HTTPAddr, c.AllowPrivateNetworks = "127.0.0.1:0", true
		c.Breakers = breaker.New(breaker.Options{Failures: 2, Open: time.Second, Timeout: -1})
	}), nil)
	d.apply("remote", "    - { id: get, uses: fetch@1, retry: { maxAttempts: 1000, initial: 10ms, max: 100ms } }\n")
	dependency := "http:" + strings.TrimPrefix(host.URL, "http://")
	browsertest.Eval[bool](d.Page, "(location.hash = '#/stages', true)")
	card := func(stage, selector string) string {
		return fmt.Sprintf("document.querySelector('[aria-label=%q] %s')", stage, selector)
	}
	d.Until(card("fetch@1", "[data-breaker=closed]"))

	job := d.accepted("remote", events.Submission{Files: []events.Source{{URL: host.URL + "/file"}}})
	d.Until("window.said = " + card("fetch@1", "[data-breaker=open]") + "?.innerText")
	said := browsertest.Eval[string](d.Page, "said")
	for _, want := range []string{"Breaker", "open", dependency, "since", "tried again", "fetch.server_error"} {
		if !strings.Contains(said, want) {
			t.Errorf("the card does not say %q: %s", want, said)
		}
	}
	d.Until(fmt.Sprintf("document.querySelector('[role=status][data-troubles]').textContent.includes('%s open for fetch')", dependency))
	if !browsertest.Eval[bool](d.Page, "!!"+card("http-call@1", "[data-breaker=closed]")+" && !"+card("hash@1", "[data-breaker]")) {
		t.Error("a stage that does not call the host says something else")
	}

	well.Store(true)
	d.Until(card("fetch@1", "[data-breaker=closed]"))
	d.Until("document.querySelector('[data-troubles]').textContent === ''")
	if got := d.final(job); got.State != events.JobCompleted {
		t.Errorf("the job is %s", got.State)
	}
	d.quiet()
}
