package mill_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace/deploy/browsertest"
)

// sight is a page of the dashboard: where it is, and what is there once it is whole.
type sight struct{ name, at, shows string }

// dialog is one that a button opens on a page.
type dialog struct {
	sight
	button, whole string
}

// dialogs are those that ask before something is done.
func (g *gallery) dialogs() []dialog {
	job := func(state, verb string) sight {
		return sight{"dialog-" + verb, "jobs/" + g.jobs[state], "[data-verb=" + verb + "]"}
	}
	return []dialog{
		{job("completed", "rollback"), "[data-verb=rollback]", "dialog .plan li"},
		{job("completed", "rerun"), "[data-verb=rerun]", "dialog .plan li"},
		{job("attention", "skip"), "[data-verb=skip]", "dialog [name=force]"},
		{job("attention", "cancel"), "[data-verb=cancel]", "dialog textarea"},
		{sight{"dialog-decision", "decisions", "[data-choice]"}, "[data-choice=retry]", "dialog textarea"},
		{sight{"dialog-submit", "jobs", "tr[data-job]"}, ".head .button.primary", "dialog select[name=pipeline]"},
		{sight{"dialog-preview", "jobs/" + g.jobs["completed"], ".files"}, "[aria-label='Preview report.md']", "dialog pre"},
	}
}

// sights are all pages with a mill full of things.
func (g *gallery) sights() []sight {
	list := []sight{
		{"jobs", "jobs", "tr[data-job]"},
		{"jobs-filtered", "jobs?state=failed&state=attention", "tr[data-state=failed]"},
		{"jobs-none", "jobs?search=nothing-like-that", ".empty"},
		{"decisions", "decisions", "[data-decision]"},
		{"deadletters", "deadletters", "[data-letter]"},
		{"failures", "failures", "[data-code]"},
		{"failure", "failures?code=fetch.unreachable", "[data-code].chosen"},
		{"pipelines", "pipelines", "[data-pipeline=archive]"},
		{"pipeline", "pipelines/archive", "[data-version] .link"},
		{"pipeline-versions", "pipelines/archive?against=" + g.versions[0], ".diff .new"},
		{"stages", "stages", ".breakers [data-state=open]"},
		{"webhooks", "webhooks", ".rows"},
		{"audit", "audit", "tr[data-outcome=failed]"},
		{"audit-none", "audit?target=nothing", ".empty"},
		{"nowhere", "nowhere", ".empty"},
	}
	for _, state := range []string{"completed", "running", "waiting", "attention", "paused", "failed", "partial", "cancelled", "rolled_back"} {
		list = append(list, sight{"job-" + state, "jobs/" + g.jobs[state], ".job[data-state=" + state + "]"})
	}
	return list
}

// visit opens a page.
func (g *gallery) visit(s sight) {
	g.t.Helper()
	browsertest.Eval[bool](g.Page, fmt.Sprintf("(location.hash = '#/%s', true)", s.at))
	g.Until(fmt.Sprintf("location.hash === '#/%s' && document.querySelector(%q) && !document.querySelector('.waiting')", s.at, s.shows))
}

// TestDashboardGallery looks at every page of a mill in which everything has happened,
// wide and narrow, light and dark. With MILLRACE_SCREENSHOTS it leaves pictures of all
// of them in that folder, for people:
//
//	MILLRACE_SCREENSHOTS=/tmp/shots go test ./services/mill -run DashboardGallery
func TestDashboardGallery(t *testing.T) {
	t.Parallel()
	g := newGallery(t)
	for _, width := range []int{1440, 390} {
		g.Resize(width, 900)
		for _, dark := range []bool{false, true} {
			if testing.Short() && dark != (width == 390) {
				continue
			}
			g.SetDark(dark)
			theme := map[bool]string{false: "light", true: "dark"}[dark]
			look := func(name string) {
				g.faultless(fmt.Sprintf("%s, %d wide", name, width))
				if os.Getenv("MILLRACE_SCREENSHOTS") != "" {
					g.Screenshot(strings.Join([]string{name, fmt.Sprint(width), theme}, "-"))
				}
			}
			for _, s := range g.sights() {
				g.visit(s)
				look(s.name)
			}
			for _, d := range g.dialogs() {
				g.visit(d.sight)
				g.click(d.button)
				g.Until(fmt.Sprintf("document.querySelector(%q)", d.whole))
				look(d.name)
				g.click("dialog [aria-label=Close]")
				g.Until("!document.querySelector('dialog')")
			}
		}
	}
	g.quiet()
}
