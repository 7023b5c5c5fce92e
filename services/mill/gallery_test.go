package mill_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/services/mill"
)

// Tiles of a survey, and where its attempts stand still.
const (
	surveyTiles  = 12
	surveyBreaks = 5
	surveyStays  = 9
	surveyTile   = 48 << 20
)

// survey is a stage that saves a place after each tile. Its first attempt fails, its
// second goes on and then stays where it is.
type survey struct{}

func (survey) Spec() stage.Spec {
	return stage.Spec{
		Name: "survey", Version: 1, Logic: "1", Summary: "Looks at a map, tile by tile.", Timeout: time.Hour,
		Guarantee: "A crash costs the tile at hand.", Inputs: "One map.", Outputs: "None.",
	}
}

func (survey) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	var at struct {
		Tile  int    `json:"tile"`
		Sheet string `json:"sheet"`
	}
	run, err := t.Resume(ctx, 1, &at)
	if err != nil {
		return stage.Result{}, err
	}
	for at.Tile < surveyStays {
		at.Tile++
		at.Sheet = fmt.Sprintf("NL-%02d", at.Tile)
		if err := run.Save(ctx, int64(at.Tile)*surveyTile, surveyTiles*surveyTile); err != nil {
			return stage.Result{}, err
		}
		if at.Tile == surveyBreaks && t.Attempt == 1 {
			return stage.Result{}, fault.New(fault.FetchUnreachable, "the map server hung up", nil)
		}
		select { // so that there is a pace
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	done := int64(surveyStays) * surveyTile
	for { // the tile after that is a large one
		t.Progress(done, surveyTiles*surveyTile, "")
		select {
		case <-time.After(200 * time.Millisecond):
			done += min(64<<10, surveyTiles*surveyTile-done)
		case <-ctx.Done():
			return stage.Result{}, context.Cause(ctx)
		}
	}
}

// gallery is a mill with something of everything that the dashboard can show.
type gallery struct {
	*dashboard
	client *client.Client
	jobs   map[string]string // by what there is to see
	// versions are those of the archive, by their digests.
	versions []string
}

// gallerySteps are the pipelines of the gallery, besides the archive.
var gallerySteps = map[string]string{
	"scan": "    - { id: fetch, uses: fetch@1 }\n    - { id: scan, uses: simulate@1, with: { hang: true } }\n    - { id: store, uses: publish@1 }\n",
	"invoices": "    - { id: fetch, uses: fetch@1 }\n    - { id: book, uses: simulate@1, with: { fail: { class: auth, message: the ledger does not know this key } } }\n" +
		"    - { id: archive, uses: publish@1 }\n",
	"mail":    "    - { id: fetch, uses: fetch@1 }\n    - { id: send, uses: simulate@1, retry: { initial: 30m, max: 1h }, with: { fail: { class: transient, message: the post office is closed, retry_after: 20m } } }\n",
	"strict":  "    - { id: check, uses: simulate@1, with: { fail: { class: schema_mismatch, message: the third column is not a date } } }\n",
	"lenient": "    - { id: check, uses: simulate@1, critical: false, with: { fail: { class: schema_mismatch, message: no header } } }\n    - { id: keep, uses: hash@1 }\n",
	"flaky":   "    - { id: try, uses: simulate@1, retry: { initial: 50ms }, with: { fail: { class: transient, times: 2, message: it was busy } } }\n",
	"remote":  "    - { id: get, uses: fetch@1, retry: { maxAttempts: 3, initial: 10ms } }\n",
	"maps":    "    - { id: fetch, uses: fetch@1 }\n    - { id: survey, uses: survey@1, retry: { initial: 10ms } }\n    - { id: store, uses: publish@1 }\n",
}

const galleryArchive = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: archive
  description: Identify, hash and compress what comes in, and put it on the shelf.
  labels: { team: records }
spec:
  steps:
    - id: fetch
      uses: fetch@1
    - id: identify
      uses: identify@1
      needs: [fetch]
    - id: hash
      uses: hash@1
      needs: [fetch]
      with: { algorithms: [%s] }
    - id: compress
      uses: compress@1
      needs: [hash]
    - id: shelve
      uses: publish@1
      needs: [compress, identify]
  outputs:
    files: ${{ steps.shelve.files }}
    seen: ${{ steps.fetch.files }}
`

// newGallery makes a mill and fills it.
func newGallery(t *testing.T) *gallery {
	t.Helper()
	w := newWorld(t, func(c *mill.Config) {
		c.HTTPAddr, c.AllowPrivateNetworks, c.ExtraStages = "127.0.0.1:0", true, []stage.Stage{survey{}}
	})
	g := &gallery{dashboard: openDashboard(t, w, nil), jobs: map[string]string{}}
	var err error
	if g.client, err = client.New(client.Config{Server: w.mill.HTTPURL()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.client.Close() })
	for _, algorithms := range []string{"sha512", "sha512, sha256"} {
		def, _, err := w.mill.Pipelines().Apply(t.Context(), events.DefaultTenant, fmt.Appendf(nil, galleryArchive, algorithms))
		if err != nil {
			t.Fatal(err)
		}
		g.versions = append(g.versions, def.Digest)
	}
	for name, steps := range gallerySteps {
		g.apply(name, steps)
	}
	g.tell()
	g.hand()
	g.move()
	return g
}

// tell makes a webhook that is taken and one that is not.
func (g *gallery) tell() {
	g.t.Helper()
	for path, status := range map[string]int{"/orders": http.StatusNoContent, "/legacy": http.StatusBadGateway} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		g.t.Cleanup(s.Close)
		_, err := g.client.CreateWebhook(g.t.Context(), api.WebhookRequest{
			URL: s.URL + "/hooks/millrace" + path, Types: []string{"job.*"}, Description: "Tells the " + path[1:] + " about the end of jobs.",
		})
		if err != nil {
			g.t.Fatal(err)
		}
	}
}

// hand hands in jobs that end, or stand still, in every way, and rubbish.
func (g *gallery) hand() {
	g.t.Helper()
	of := func(name, content string, labels map[string]string) events.Submission {
		return events.Submission{Files: []events.Source{{Name: name, Inline: []byte(content), MediaType: "text/markdown"}}, Labels: labels}
	}
	g.jobs["completed"] = g.accepted("archive", of("report.md", strings.Repeat("# The quarter\n\nAll is well.\n", 40),
		map[string]string{"customer": "hydro-quebec", "priority": "high"}))
	for i := range 30 {
		s := of(fmt.Sprintf("statement-%04d.csv", 1031+i), fmt.Sprint("a,b,c\n", i), map[string]string{"customer": []string{"acme", "globex", "initech"}[i%3]})
		s.Key = fmt.Sprint("statements/2026-", i)
		g.jobs[fmt.Sprint("many-", i)] = g.accepted([]string{"archive", "archive", "flaky"}[i%3], s)
	}
	for name, pipeline := range map[string]string{
		"failed": "strict", "partial": "lenient", "rolled_back": "archive", "cancelled": "scan",
		"paused": "scan", "running": "maps", "waiting": "mail", "attention": "invoices",
	} {
		g.jobs[name] = g.accepted(pipeline, of("the-"+name+"-one-with-quite-a-long-name-for-a-file-2026-11.pdf", name, map[string]string{"kind": name}))
	}
	for range 3 {
		g.accepted("remote", events.Submission{Files: []events.Source{{URL: "http://127.0.0.1:1/maps/sheet.tif"}}})
	}
	g.submitRaw("archive", []byte(`{"files": 7, "key": "who-knows"}`))
	for i, data := range []string{`not json`, `{"verb": 7}`, `[]`} {
		out := bus.Out{Subject: events.ControlSubject(events.DefaultTenant, g.jobs["running"]), ID: fmt.Sprint("rubbish", i), Data: []byte(data)}
		if err := g.conn.Publish(g.t.Context(), out); err != nil {
			g.t.Fatal(err)
		}
	}
}

// move brings the jobs to where they are to be seen.
func (g *gallery) move() {
	g.t.Helper()
	in := func(name string, want events.JobState) {
		g.t.Helper()
		g.await(g.jobs[name], string(want), func(j events.Job) bool { return j.State == want })
	}
	must := func(_ *api.Job, err error) {
		g.t.Helper()
		if err != nil {
			g.t.Fatal(err)
		}
	}
	in("completed", events.JobCompleted)
	in("rolled_back", events.JobCompleted)
	plan, err := g.client.RollbackPlan(g.t.Context(), g.jobs["rolled_back"])
	if err != nil {
		g.t.Fatal(err)
	}
	must(g.client.Rollback(g.t.Context(), g.jobs["rolled_back"], plan.Revision, api.Order{Plan: plan.Digest, Reason: "sent to the wrong shelf"}))
	for _, name := range []string{"paused", "cancelled"} {
		g.await(g.jobs[name], "to the scan", func(j events.Job) bool { return j.Steps["scan"].State == events.StepQueued })
	}
	must(g.client.Pause(g.t.Context(), g.jobs["paused"], "the scanner is being cleaned"))
	must(g.client.Cancel(g.t.Context(), g.jobs["cancelled"], "a duplicate"))
	if _, err := g.client.DropDeadLetter(g.t.Context(), "4711", "nobody misses it"); err == nil {
		g.t.Fatal("a dead letter was dropped that is not there")
	}
	g.await(g.jobs["running"], "to its second attempt", func(j events.Job) bool {
		return j.Steps["survey"].Attempt == 2 && j.Steps["survey"].Resumed != nil
	})
	for _, state := range []events.JobState{
		events.JobFailed, events.JobPartial, events.JobRolledBack, events.JobWaiting, events.JobAttention,
	} {
		in(string(state), state)
	}
	for name, id := range g.jobs {
		if strings.HasPrefix(name, "many-") {
			g.final(id)
		}
	}
	for range 3000 {
		list, err := g.client.Breakers(g.t.Context())
		if err != nil {
			g.t.Fatal(err)
		}
		for _, b := range list {
			if b.State == events.BreakerOpen {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	g.t.Fatal("no breaker opens")
}
