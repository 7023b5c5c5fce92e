package mill_test

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace/deploy/browsertest"
)

// findMistakes looks for what keeps people out who do not see the page or use no mouse,
// and for what does not fit.
const findMistakes = `(() => {
	const found = []
	const shown = (e) => e.getClientRects().length > 0
	const all = (s) => [...document.querySelectorAll(s)].filter(shown)
	const where = (e) => e.outerHTML.slice(0, 120)
	const name = (e) => (e.getAttribute('aria-label') || e.innerText || e.textContent || e.title || '').trim() ||
		(e.getAttribute('aria-labelledby') || '').split(' ').map((id) => document.getElementById(id)?.innerText ?? '').join('')
	for (const e of all('button, a[href], summary, [role=button], dialog, section, nav, article')) {
		if (!name(e)) found.push('no name: ' + where(e))
	}
	for (const e of all('input, select, textarea, progress')) {
		if (!e.getAttribute('aria-label') && ![...(e.labels ?? [])].some((l) => l.innerText.trim() || l.textContent.trim())) found.push('no label: ' + where(e))
	}
	for (const e of all('img:not([alt]), svg:not([aria-hidden], [role=img], .graph svg)')) found.push('no text instead: ' + where(e))
	for (const e of all('[role=button]')) if (e.tabIndex < 0) found.push('not to be reached: ' + where(e))
	for (const e of all('td, th')) if (!e.closest('table').querySelector('thead th[scope]')) found.push('a table without heads')
	if (all('h1').length !== 1) found.push(all('h1').length + ' first headings')
	if (all('main').length !== 1) found.push(all('main').length + ' mains')
	if (!document.documentElement.lang || !document.title) found.push('no language or no title')
	const ids = [...document.querySelectorAll('[id]')].map((e) => e.id)
	if (new Set(ids).size !== ids.length) found.push('an id twice')
	if (document.documentElement.scrollWidth > innerWidth) found.push('wider than the window: ' + document.documentElement.scrollWidth + ' > ' + innerWidth)
	return found
})()`

// TestDashboardForEverybody looks at every page, wide and narrow.
func TestDashboardForEverybody(t *testing.T) {
	t.Parallel()
	d := newDashboard(t, nil)
	d.apply("good", "    - id: fetch\n      uses: fetch@1\n    - id: hash\n      uses: hash@1\n    - id: store\n      uses: publish@1\n")
	d.apply("bad", "    - id: judge\n      uses: simulate@1\n      with: { fail: { class: auth, message: who are you } }\n")
	good := d.accepted("good", inline("", "good"))
	bad := d.accepted("bad", inline("", "bad"))
	d.final(good)
	d.submitRaw("good", []byte(`{"files": 7}`)) // refused, and told so
	pages := map[string]string{
		"jobs":              "tr[data-job]",
		"jobs/" + good:      "[data-verb=rollback]",
		"jobs/" + bad:       "[data-decision] [data-choice]",
		"decisions":         "[data-decision] [data-choice]",
		"deadletters":       ".rows, .empty",
		"failures":          "[data-code], .empty",
		"pipelines":         "[data-pipeline=good]",
		"pipelines/good":    "[data-version] .link",
		"stages":            "[data-consumer]",
		"webhooks":          ".rows, .empty",
		"audit":             "tr[data-audit], .empty",
		"jobs?state=failed": ".empty",
		"nowhere":           ".empty",
	}
	for _, width := range []int{1280, 390} {
		d.Resize(width, 800)
		for page, shows := range pages {
			browsertest.Eval[bool](d.Page, fmt.Sprintf("(location.hash = '#/%s', true)", page))
			d.Until(fmt.Sprintf("location.hash === '#/%s' && document.querySelector(%q) && !document.querySelector('.waiting')", page, shows))
			d.faultless(fmt.Sprintf("%s, %d wide", page, width))
		}
		d.show(good)
		d.click(".node[data-step=hash]")
		d.Until("document.querySelector('[data-step-panel=hash]')")
		d.faultless("a step")
		for _, verb := range []string{"rollback", "rerun"} {
			d.click("[data-verb=" + verb + "]")
			d.Until("document.querySelector('dialog .plan')")
			d.faultless(verb)
			d.click("dialog [aria-label=Close]")
			d.Until("!document.querySelector('dialog')")
		}
	}
	d.quiet()
	browsertest.Eval[bool](d.Page, "(document.querySelector('main').append(document.createElement('button')), true)")
	if found := browsertest.Eval[[]string](d.Page, findMistakes); len(found) != 1 {
		t.Errorf("of a mistake that was planted it is said %q", found)
	}
}

// faultless fails for every mistake on the page.
func (d *dashboard) faultless(where string) {
	d.t.Helper()
	for _, m := range browsertest.Eval[[]string](d.Page, findMistakes) {
		d.t.Errorf("%s: %s", where, m)
	}
}

// TestDashboardByKeyboard reaches a job and a step without a mouse.
func TestDashboardByKeyboard(t *testing.T) {
	t.Parallel()
	d := newDashboard(t, nil)
	d.apply("good", "    - id: fetch\n      uses: fetch@1\n")
	job := d.accepted("good", inline("", "good"))
	d.final(job)
	d.Until(fmt.Sprintf("document.querySelector('tr[data-job=%q]')", job))
	d.Type(fmt.Sprintf("tr[data-job=%q] a", job), "\r")
	d.Until("document.querySelector('.node[data-step=fetch]')")
	browsertest.Eval[bool](d.Page, "(document.querySelector('.node[data-step=fetch]').focus(), true)")
	d.Until("document.activeElement?.dataset.step === 'fetch'")
	browsertest.Eval[bool](d.Page, "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))")
	d.Until("document.querySelector('[data-step-panel=fetch]')")
	d.quiet()
}
