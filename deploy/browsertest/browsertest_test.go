package browsertest_test

import (
	"bytes"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/millrace/millrace/deploy/browsertest"
)

const page = `<!doctype html><meta charset="utf-8"><title>x</title>
<style>:root { color-scheme: light dark }</style>
<button onclick="this.innerText = 'clicked'">click</button><input>
<button id="late" disabled onclick="this.innerText = 'clicked'">late</button>
<script>
	const dark = () => matchMedia('(prefers-color-scheme: dark)').matches
	let later; setTimeout(() => { later = 'now' }, 50)
	console.error('error: a complaint')
</script>`

func TestPage(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, page)
	}))
	defer s.Close()
	p := browsertest.Open(t, browsertest.Options{Width: 640, Height: 480})
	p.Go(s.URL)
	p.Until("later == 'now'")
	if browsertest.Eval[bool](p, "dark()") {
		t.Error("it is dark")
	}
	p.SetDark(true)
	p.Until("dark()")
	p.Click("button")
	if got := p.Text("button"); got != "clicked" {
		t.Errorf("the button says %q", got)
	}
	browsertest.Eval[bool](p, "(setTimeout(() => { document.querySelector('#late').disabled = false }, 100), true)")
	p.Click("#late")
	if got := p.Text("#late"); got != "clicked" {
		t.Errorf("the button that was disabled says %q", got)
	}
	p.Type("input", "abc")
	p.Press("d")
	if got := browsertest.Eval[string](p, "Promise.resolve(document.querySelector('input').value)"); got != "abcd" {
		t.Errorf("the input has %q", got)
	}
	if said := p.Complaints(); len(said) != 1 || !strings.Contains(said[0], "a complaint") {
		t.Errorf("complaints %q", said)
	}
	p.Reload()
	if got := p.Text("button"); got != "click" {
		t.Errorf("after a reload the button says %q", got)
	}
	p.Resize(320, 600)
	img, err := png.Decode(bytes.NewReader(p.Screenshot("browsertest")))
	if err != nil || img.Bounds().Dx() != 320 {
		t.Errorf("screenshot %v, %v", img.Bounds(), err)
	}
}
