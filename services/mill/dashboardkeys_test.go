package mill_test

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace/deploy/browsertest"
)

// Keys as [browsertest.Page.Press] takes them.
const (
	keyTab    = "\t"
	keyEnter  = "\r"
	keyEscape = "\u001b"
)

// markReachable gives everything that can be used a mark, and returns how many there
// are.
const markReachable = `(() => {
	const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
		.filter((e) => !e.disabled && e.getClientRects().length > 0 && e.checkVisibility({ visibilityProperty: true }))
	window.marks = new Set(all)
	window.unseen = []
	document.activeElement?.blur()
	return all.length
})()`

// tickReached takes the mark off what has the focus, and notes when that cannot be
// seen: by an outline of its own or of what it stands for, or as a box of a graph.
const tickReached = `(() => {
	const e = document.activeElement
	if (!e || e === document.body) return marks.size
	const lined = (x) => x && getComputedStyle(x).outlineStyle !== 'none' && parseFloat(getComputedStyle(x).outlineWidth) > 0
	const box = e.querySelector(':scope > .box')
	if (!lined(e) && !lined(e.closest('tr, .link-card')) && !(box && parseFloat(getComputedStyle(box).strokeWidth) > 1)) unseen.push(e.outerHTML.slice(0, 100))
	marks.delete(e)
	return marks.size
})()`

// walk goes through a page with Tab alone, and wants to come to everything on it and
// to see where it is.
func (g *gallery) walk(name string) {
	g.t.Helper()
	left := browsertest.Eval[int](g.Page, markReachable)
	for range left + 12 {
		g.Press(keyTab)
		if left = browsertest.Eval[int](g.Page, tickReached); left == 0 {
			break
		}
	}
	for _, e := range browsertest.Eval[[]string](g.Page, "[...marks].filter((e) => e.isConnected).map((e) => e.outerHTML.slice(0, 100))") {
		g.t.Errorf("%s: Tab does not come to %s", name, e)
	}
	for _, e := range browsertest.Eval[[]string](g.Page, "unseen") {
		g.t.Errorf("%s: it cannot be seen that the focus is on %s", name, e)
	}
}

// TestDashboardWithoutAMouse comes to everything on every page with Tab, and acts with
// Enter and Escape.
func TestDashboardWithoutAMouse(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	for _, s := range []sight{
		{"job", "jobs/" + g.jobs["attention"], "[data-decision] [data-choice]"},
		{"decisions", "decisions", "[data-decision]"},
		{"dead letters", "deadletters", "[data-letter]"},
		{"a failure", "failures?code=fetch.unreachable", "[data-runbook]"},
		{"pipeline", "pipelines/archive", "[data-version] .link"},
		{"stages", "stages", ".breakers [data-state=open]"},
		{"webhooks", "webhooks", "[data-webhook]"},
		{"audit", "audit", "tr[data-audit]"},
		{"jobs", "jobs?state=failed", "tr[data-job]"},
	} {
		g.visit(s)
		g.walk(s.name)
	}
	for _, landmark := range []string{"main", "nav[aria-label]", "aside", "h1"} {
		if !browsertest.Eval[bool](g.Page, fmt.Sprintf("!!document.querySelector(%q)", landmark)) {
			t.Errorf("there is no %s", landmark)
		}
	}
	g.Until("document.querySelector('[data-waits][role=status]').textContent.includes('Decisions: 1 waiting')")
	g.acts()
	g.quiet()
}

// focus comes to something with Tab.
func (g *gallery) focus(selector string) {
	g.t.Helper()
	for range 200 {
		if browsertest.Eval[bool](g.Page, fmt.Sprintf("document.activeElement?.matches(%q)", selector)) {
			return
		}
		g.Press(keyTab)
	}
	g.t.Fatalf("Tab does not come to %s", selector)
}

// acts rolls a job back, with a change of mind on the way.
func (g *gallery) acts() {
	g.t.Helper()
	job := g.jobs["completed"]
	g.visit(sight{at: "jobs/" + job, shows: "[data-verb=rollback]"})
	g.focus("[data-verb=rollback]")
	g.Press(keyEnter)
	g.Until("document.querySelector('dialog .plan li')")
	if !browsertest.Eval[bool](g.Page, "document.querySelector('dialog').contains(document.activeElement)") {
		g.t.Error("the focus is not in the dialog")
	}
	g.Press(keyEscape)
	g.Until("!document.querySelector('dialog') && document.activeElement?.matches('[data-verb=rollback]')")
	g.Press(keyEnter)
	g.Until("document.querySelector('dialog .plan li')")
	g.focus("dialog textarea[name=reason]")
	g.Press("no mouse")
	g.focus("dialog button[type=submit]")
	g.Press(keyEnter)
	g.Until("!document.querySelector('dialog') && document.querySelector('.job').dataset.state === 'rolled_back'")
	g.Until("document.querySelector('.job [role=status]').textContent.includes('rolled back')")
	g.focus(".node[data-step=hash]")
	g.Press(keyEnter)
	g.Until("document.querySelector('[data-step-panel=hash]')")
}
