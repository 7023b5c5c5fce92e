package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/millrace/millrace/deploy/browsertest"
	"github.com/millrace/millrace/pkg/api"
)

// TestDashboardDropsALetter opens a dead letter in the dashboard and drops it.
func TestDashboardDropsALetter(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	p := browsertest.Open(t, browsertest.Options{})
	p.Go(g.URL + "/#/deadletters")
	p.Until("document.querySelector('.login input[name=token]')")
	p.Type(".login input[name=token]", "a-admin")
	p.Click(".login button[type=submit]")
	p.Until("document.querySelector('[data-letter=\"1\"] summary')")
	p.Click("[data-letter='1'] summary")
	p.Until("document.querySelector('[data-letter=\"1\"] pre')?.innerText.includes('rubbish')")
	p.Screenshot("letter")
	p.Click("[data-letter='1'] .danger-quiet")
	p.Until("document.querySelector('dialog button[type=submit]')?.disabled")
	p.Type("dialog textarea[name=reason]", "it was a test")
	p.Click("dialog button[type=submit]")
	p.Until("!document.querySelector('dialog') && !document.querySelector('[data-letter=\"1\"]')")
	var l api.DeadLetter
	ask(t, "GET", g.URL+"/v1/deadletters/1", nil, "Authorization", "Bearer a-admin").into(t, http.StatusOK, &l)
	if l.State != api.DeadDropped || l.Done == nil || l.Done.Reason != "it was a test" {
		t.Errorf("the letter is %+v", l)
	}
	for _, said := range p.Complaints() {
		if !strings.Contains(said, "401") { // what was asked before the key was there
			t.Errorf("the browser complains: %s", said)
		}
	}
}
