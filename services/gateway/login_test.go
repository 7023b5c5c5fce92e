package gateway_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/deploy/browsertest"
)

// TestDashboardAsksForAKey comes in with a key, and goes again.
func TestDashboardAsksForAKey(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	p := browsertest.Open(t, browsertest.Options{})
	p.Go(g.URL + "/#/jobs/" + g.names["job"])
	p.Until("document.querySelector('.login input[name=token]')")
	p.Screenshot("login-1280-light")
	p.SetDark(true)
	p.Resize(390, 800)
	p.Screenshot("login-390-dark")
	if w := browsertest.Eval[int](p, "document.documentElement.scrollWidth"); w > 390 {
		t.Errorf("the page is %d wide", w)
	}
	if strings.Contains(p.Text("body"), "payroll") {
		t.Error("a stranger is told of a pipeline")
	}
	p.Type(".login input[name=token]", "no-such-key")
	p.Click(".login button[type=submit]")
	p.Until("document.querySelector('.login [role=alert]')")
	browsertest.Eval[bool](p, `(e => { e.value = ''; return e.dispatchEvent(new Event('input', { bubbles: true })) })(document.querySelector('.login input[name=token]'))`)
	p.Type(".login input[name=token]", "a-read")
	p.Click(".login button[type=submit]")
	p.Until("document.querySelector('.job')?.dataset.job === '" + g.names["job"] + "'")
	p.Until("document.querySelectorAll('.timeline > li').length > 0")
	if url := browsertest.Eval[string](p, "location.href"); strings.Contains(url, "a-read") {
		t.Errorf("the address is %s", url)
	}
	kept := browsertest.Eval[string](p, "JSON.stringify(localStorage) + document.cookie")
	if strings.Contains(kept, "a-read") {
		t.Errorf("the browser keeps %s", kept)
	}
	p.Reload()
	p.Until("document.querySelector('.job')")
	p.Click("[aria-label='Sign out']")
	p.Until("document.querySelector('.login')")
	if got := browsertest.Eval[string](p, "JSON.stringify(sessionStorage)"); strings.Contains(got, "a-read") {
		t.Errorf("after leaving the tab keeps %s", got)
	}
}
