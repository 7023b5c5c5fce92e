package mill_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/deploy/browsertest"
	"github.com/millrace/millrace/services/mill"
)

// dashboard is the page of a mill in a browser. What lies between them can be cut.
type dashboard struct {
	*world
	*browsertest.Page
	between *httptest.Server
}

// newDashboard opens the page of a new mill, through wrap unless that is nil.
func newDashboard(t *testing.T, wrap func(http.Handler) http.Handler) *dashboard {
	t.Helper()
	return openDashboard(t, newWorld(t, func(c *mill.Config) { c.HTTPAddr = "127.0.0.1:0" }), wrap)
}

// openDashboard opens the page of a mill that runs.
func openDashboard(t *testing.T, w *world, wrap func(http.Handler) http.Handler) *dashboard {
	t.Helper()
	target, err := url.Parse(w.mill.HTTPURL())
	if err != nil {
		t.Fatal(err)
	}
	var proxy http.Handler = &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	if wrap != nil {
		proxy = wrap(proxy)
	}
	d := &dashboard{world: w, between: httptest.NewServer(proxy)}
	t.Cleanup(d.between.Close)
	d.Page = browsertest.Open(t, browsertest.Options{})
	d.Go(d.between.URL)
	d.Until(`document.querySelector('h1')?.innerText === 'Jobs'`)
	return d
}

// click clicks on what a selector finds once it is there and not disabled. It looks and
// clicks at once, so that nothing changes between the two.
func (d *dashboard) click(selector string) {
	d.t.Helper()
	d.Until(fmt.Sprintf(`(() => {
		const e = document.querySelector(%q)
		if (!e || e.disabled) return false
		e.dispatchEvent(new MouseEvent('click', { bubbles: true }))
		return true
	})()`, selector))
}

// drop lets a small file go over the page, and returns the job that it becomes.
func (d *dashboard) drop(name, content, pipeline string) (job string) {
	d.t.Helper()
	d.begin(fmt.Sprintf("new File([%q], %q, { type: 'text/plain' })", content, name), pipeline)
	d.Until(fmt.Sprintf(`[...document.querySelectorAll('.tray [data-upload=done]')].some((u) => u.innerText.includes(%q))`, name))
	return browsertest.Eval[string](d.Page, fmt.Sprintf(
		`[...document.querySelectorAll('.tray [data-upload=done]')].find((u) => u.innerText.includes(%q)).dataset.job`, name))
}

// begin lets a file go over the page and submits it to a pipeline.
func (d *dashboard) begin(file, pipeline string) {
	d.t.Helper()
	browsertest.Eval[bool](d.Page, fmt.Sprintf(`(() => {
		const carried = new DataTransfer()
		carried.items.add(%s)
		return window.dispatchEvent(new DragEvent('drop', { dataTransfer: carried, cancelable: true }))
	})()`, file))
	d.Until(fmt.Sprintf(`document.querySelector('dialog select[name=pipeline] option[value=%q]')`, pipeline))
	browsertest.Eval[bool](d.Page, fmt.Sprintf(`(() => {
		const s = document.querySelector('dialog select[name=pipeline]')
		s.value = %q
		return s.dispatchEvent(new Event('change', { bubbles: true }))
	})()`, pipeline))
	d.click("dialog button[type=submit]")
}

// show opens the page of a job.
func (d *dashboard) show(job string) {
	d.t.Helper()
	browsertest.Eval[bool](d.Page, fmt.Sprintf("(location.hash = '#/jobs/%s', true)", job))
	d.Until(fmt.Sprintf("document.querySelector('.job')?.dataset.job === '%s'", job))
}

// says waits until the page of a job says what its newest record says.
func (d *dashboard) says(job string) {
	d.t.Helper()
	r, err := d.last(job)
	if err != nil {
		d.t.Fatal(err)
	}
	d.Until(fmt.Sprintf("document.querySelector('.job')?.dataset.revision === '%d'", r.Revision))
	d.Until(fmt.Sprintf("document.querySelectorAll('.timeline > li').length === %d", r.Revision))
	if got := browsertest.Eval[string](d.Page, "document.querySelector('.job').dataset.state"); got != string(r.Job.State) {
		d.t.Errorf("the page says %s, the log %s", got, r.Job.State)
	}
	for id, s := range r.Job.Steps {
		want := string(s.State)
		if s.Undo != nil {
			want = "undone"
		}
		got := browsertest.Eval[string](d.Page, fmt.Sprintf("document.querySelector('.node[data-step=%s]').dataset.state", id))
		if got != want {
			d.t.Errorf("the page says %s of step %s, the log %s", got, id, want)
		}
	}
}

// quiet fails when the browser has complained. That a connection was cut it says
// itself, and is meant.
func (d *dashboard) quiet() {
	d.t.Helper()
	for _, said := range d.Complaints() {
		if !strings.Contains(said, "net::ERR_") {
			d.t.Errorf("the browser complains: %s", said)
		}
	}
}

// TestDashboard submits a file by drop, watches it finish, takes it back, breaks
// another, and decides.
func TestDashboard(t *testing.T) {
	t.Parallel()
	d := newDashboard(t, nil)
	d.apply("good", "    - id: fetch\n      uses: fetch@1\n    - id: store\n      uses: publish@1\n")
	d.apply("bad", "    - id: fetch\n      uses: fetch@1\n    - id: judge\n      uses: simulate@1\n      critical: false\n"+
		"      with: { fail: { class: auth, times: 1, message: who are you } }\n")
	job := d.drop("hello.txt", "hello", "good")
	d.Until(fmt.Sprintf("document.querySelector('tr[data-job=%q]')?.dataset.state === 'completed'", job))
	d.show(job)
	d.Until("document.querySelector('.job').dataset.state === 'completed' && document.querySelector('[data-verb=rollback]')")
	d.says(job)

	d.click("[data-verb=rollback]")
	d.Until("document.querySelectorAll('dialog .plan li').length === 1")
	if !browsertest.Eval[bool](d.Page, "document.querySelector('dialog button[type=submit]').disabled") {
		t.Error("a rollback can be begun without a reason")
	}
	d.Type("dialog textarea[name=reason]", "a test")
	d.click("dialog button[type=submit]")
	d.Until("!document.querySelector('dialog') && document.querySelector('.job').dataset.state === 'rolled_back'")
	d.says(job)

	job = d.drop("broken.txt", "broken", "bad")
	d.show(job)
	d.Until("document.querySelector('.job').dataset.state === 'attention'")
	d.click("[data-decision] [data-choice=retry]")
	d.click("dialog button[type=submit]")
	d.Until("document.querySelector('.job').dataset.state === 'completed'")
	d.says(job)
	d.Until("!document.querySelector('[data-decision]')")
	d.quiet()
}

// TestDashboardKeepsUp loads the page again and cuts its connections while a job runs:
// at the end it says what the log says.
func TestDashboardKeepsUp(t *testing.T) {
	t.Parallel()
	d := newDashboard(t, nil)
	steps := ""
	for i := range 8 {
		steps += fmt.Sprintf("    - id: s%d\n      uses: simulate@1\n      with: { delay: 300ms }\n", i)
	}
	d.apply("long", steps)
	job := d.accepted("long", inline("", "content"))
	d.show(job)
	for i := 0; ; i++ {
		d.between.CloseClientConnections()
		if i%3 == 2 {
			d.Reload()
			d.Until("document.querySelector('.job')")
		}
		r, err := d.last(job)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Job.FinishedAt.IsZero() {
			break
		}
		time.Sleep(time.Duration(100+i*37%150) * time.Millisecond)
	}
	d.says(job)
	d.quiet()
}
