package mill_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/millrace/millrace/deploy/browsertest"
)

// open opens a page and waits for what is to be there.
func (g *gallery) open(at, shows string) {
	g.t.Helper()
	g.visit(sight{at: at, shows: shows})
}

// text waits until what a selector finds says something.
func (g *gallery) text(selector, want string) {
	g.t.Helper()
	g.Until(fmt.Sprintf("document.querySelector(%q)?.textContent.includes(%q)", selector, want))
}

// TestDashboardShowsWhatGoesOn looks for everything that a person wants to know of a
// mill, on the pages where they look for it.
func TestDashboardShowsWhatGoesOn(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	g.showsSteps()
	g.showsCheckpoints()
	g.showsFiles()
	g.showsTrouble()
	g.showsPipelines()
	g.showsWebhooks()
	g.quiet()
}

// showsSteps wants each step to say how it stands, and the job why it waits and what
// may be done.
func (g *gallery) showsSteps() {
	g.open("jobs/"+g.jobs["running"], ".node[data-step=survey] .meter")
	g.text(".node[data-step=survey] .node-note", "/s")
	g.text(".node[data-step=store] .node-note", "5 attempts left")
	g.Until("document.querySelector('.running progress')?.value > 70")
	for _, want := range []string{"/s", " left", "432"} {
		g.text(".running", want)
	}
	g.text("[data-step-panel=survey]", "Attempts left")
	g.text("[data-step-panel=survey]", "the map server hung up")
	g.text(".job [role=status]", "The job is running, 1 of 3 steps done")

	g.open("jobs/"+g.jobs["waiting"], ".banner")
	g.text(".banner", "what is left waits for its next attempt")
	g.text(".node[data-step=send] .node-note", "4 attempts left")
	g.text("[data-step-panel=send] .why", "Attempt 2 is due at")
	if title := browsertest.Eval[string](g.Page, "document.querySelector('[data-verb=skip]').title"); !strings.Contains(title, "It wants") || !strings.Contains(title, "revision") {
		g.t.Errorf("of a skip is said %q", title)
	}
	g.open("jobs/"+g.jobs["paused"], ".banner")
	g.text(".banner", "the scanner is being cleaned")
}

// showsCheckpoints drills down to one checkpoint.
func (g *gallery) showsCheckpoints() {
	g.open("jobs/"+g.jobs["running"], "[data-checkpoint]")
	g.text("[data-checkpoint]", "#9")
	g.text("[data-checkpoint]", "75 %")
	g.click("[data-checkpoint] summary")
	g.text("[data-checkpoint] pre", `"sheet": "NL-09"`)
	g.text("[data-checkpoint] .facts", "survey@1")
	g.Until("[...document.querySelectorAll('[data-checkpoint] summary')].some((s) => s.textContent.includes('attempt 2 resumed'))")
}

// showsFiles looks at a result and takes it along.
func (g *gallery) showsFiles() {
	g.open("jobs/"+g.jobs["completed"], ".files")
	g.click("[aria-label='Preview report.md']")
	g.text("dialog pre.preview", "# The quarter")
	g.click("dialog [aria-label=Close]")
	g.Until("!document.querySelector('dialog')")
	size := browsertest.Eval[int](g.Page, `(async () => {
		const a = document.querySelector("a[download='report.md.zst']")
		const res = await fetch(a.href)
		if (!res.headers.get('Content-Disposition').startsWith('attachment')) return -1
		return (await res.arrayBuffer()).byteLength
	})()`)
	if size <= 0 || size > 1120 {
		g.t.Errorf("the download has %d bytes", size)
	}
}

// showsTrouble wants the breaker that is open, failures by code with their runbook,
// and how long it takes to recover.
func (g *gallery) showsTrouble() {
	g.open("stages", ".breakers [data-state=open]")
	g.text(".breakers", "http:127.0.0.1:1")
	g.text(".breakers", "fetch.unreachable")
	g.text(".breakers", "tried again")
	g.Until("[...document.querySelectorAll('[data-consumer=stage-survey] .stats dd')].map((d) => d.textContent)[1] === '1'")
	g.open("failures", "[data-code='simulate.failed']")
	g.text(".charts", "Time to recover")
	g.Until("[...document.querySelectorAll('.charts table')].every((t) => t.querySelectorAll('tbody tr').length > 0)")
	g.text(".charts", "recovered")
	g.click("[data-code='fetch.unreachable'] a[href*='failures?code']")
	g.text("[data-runbook='fetch.unreachable']", "Check that the host is up")
	g.text("[data-runbook='fetch.unreachable']", "millrace operation start retry --code fetch.unreachable")
	g.click("[data-runbook] a[href*='jobs?fault']")
	g.Until("document.querySelector('[data-filter=fault]') && document.querySelectorAll('tr[data-job]').length > 0")
	g.Until("[...document.querySelectorAll('tr[data-job]')].every((r) => r.textContent.includes('fetch.unreachable') || r.dataset.state !== 'completed')")
}

// showsPipelines compares two versions of a pipeline.
func (g *gallery) showsPipelines() {
	g.open("pipelines/archive", "[data-version]:nth-child(2) button:last-child")
	g.Until("document.querySelectorAll('.node').length === 5")
	g.click("[data-version]:nth-child(2) button:last-child")
	g.text(".diff .new", "sha512, sha256")
	g.text(".diff .gone", "sha512")
	g.click(".node[data-step=compress]")
	g.text("section[aria-label=compress]", "at most 5")
}

// showsWebhooks wants what was answered.
func (g *gallery) showsWebhooks() {
	g.open("webhooks", "[data-webhook] [data-state=failing]")
	browsertest.Eval[bool](g.Page, "([...document.querySelectorAll('[data-webhook]')].find((w) => w.querySelector('[data-state=failing]')).querySelector('summary').click(), true)")
	g.text("[data-delivery]", "502")
}
