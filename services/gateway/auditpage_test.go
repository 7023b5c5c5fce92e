package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/millrace/millrace/deploy/browsertest"
)

// auditors is a page of the dashboard at the audit of a tenant with much in it.
type auditors struct {
	*guarded
	*browsertest.Page
}

// newAuditors has an administrator rotate the secret of a webhook 60 times, and fail once.
func newAuditors(t *testing.T) *auditors {
	t.Helper()
	g := newGuarded(t)
	hook := g.URL + "/v1/webhooks/" + g.names["webhook"]
	for i := range 60 {
		ask(t, "POST", fmt.Sprintf("%s/rotate?reason=turn+%d", hook, i), nil, "Authorization", "Bearer a-admin").into(t, 200, &struct{}{})
	}
	ask(t, "POST", hook+"/test?reason=is+it+there", nil, "Authorization", "Bearer a-admin").problem(t, 503, "http.not_ready")
	p := browsertest.Open(t, browsertest.Options{})
	p.Go(g.URL + "/#/audit")
	return &auditors{g, p}
}

// enter comes in with a key.
func (a *auditors) enter(token string) {
	a.Until("document.querySelector('.login input[name=token]')")
	a.Type(".login input[name=token]", token)
	a.Click(".login button[type=submit]")
}

// shows waits until the page lists as many entries, the first of which has a text.
func (a *auditors) shows(n int, text string) {
	a.Until(fmt.Sprintf("document.querySelectorAll('tr[data-audit]').length === %d && document.querySelector('tr[data-audit]').innerText.includes(%q)", n, text))
}

const auditLink = "nav[aria-label=Pages] a[href=\"#/audit\"]"

// TestAuditPage reads the audit page by page, and less of it by filters.
func TestAuditPage(t *testing.T) {
	t.Parallel()
	a := newAuditors(t)
	a.enter("a-admin")
	a.Until("document.querySelector('" + auditLink + "')")
	a.shows(50, "is it there")
	refused := len(a.Complaints()) // from before it knew the key
	first := a.Text("tr[data-audit]")
	for _, want := range []string{"failed", "Webhook: test", "key:a-admin", "http.not_ready"} {
		if !strings.Contains(first, want) {
			t.Errorf("the newest entry does not say %q: %s", want, first)
		}
	}
	a.Click(".pager button:last-child")
	a.shows(12, "turn 10")
	a.Click(".pager button:first-child")
	a.shows(50, "is it there")

	a.Click("[data-outcome=failed]")
	a.shows(1, "is it there")
	a.Click("[data-outcome='']")
	a.shows(50, "is it there")
	a.Click("tr[data-audit] .who button")
	a.Until("document.querySelector('[data-filter=by]')?.textContent.includes('key:a-admin')")
	a.Type("input[name=target]", "nobody")
	a.Until("document.querySelector('.empty')?.innerText.includes('No entry fits')")
	a.Click(".empty button")
	a.shows(50, "is it there")
	browsertest.Eval[bool](a.Page, `(location.hash = '#/audit?action=webhook.create&since=1h', true)`)
	a.shows(1, "Webhook: create")
	if got := browsertest.Eval[string](a.Page, "document.querySelector('select[name=action]').value"); got != "webhook.create" {
		t.Errorf("the filter is %q", got)
	}
	if said := a.Complaints()[refused:]; len(said) > 0 {
		t.Errorf("the browser complains: %q", said)
	}
}

// TestAuditPageIsForAdministrators shows nobody else the way there, nor anything of it.
func TestAuditPageIsForAdministrators(t *testing.T) {
	t.Parallel()
	a := newAuditors(t)
	a.enter("a-read")
	a.Until("document.querySelector('main [role=alert]')?.innerText.includes('auth.scope')")
	a.Until("document.querySelector('.version')?.innerText.includes('key:a-read')")
	if browsertest.Eval[bool](a.Page, "!!document.querySelector('"+auditLink+"') || document.body.innerText.includes('turn')") {
		t.Error("somebody who may only read is shown the audit")
	}
}
