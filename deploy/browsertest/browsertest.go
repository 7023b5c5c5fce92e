// Package browsertest gives a test a real browser: headless Chromium, with a profile
// of its own that ends with the test. Where there is no Chromium it is installed from
// the distribution, which takes a minute and needs root or sudo.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take for anything. Only a broken page reaches it.
const patience = time.Minute

// Options tune a page. The zero value is a light window of 1280 × 800.
type Options struct {
	// Width and Height of the window in pixels.
	Width, Height int
	// Dark asks pages for their dark theme.
	Dark bool
}

// Page is a tab of a browser of its own. It is used by one goroutine.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// Open starts a browser with one empty tab. Both end with the test.
func Open(t testing.TB, o Options) *Page {
	t.Helper()
	program, err := Program(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if o.Width == 0 {
		o.Width, o.Height = 1280, 800
	}
	ctx, cancel := chromedp.NewContext(context.WithoutCancel(t.Context()), chromedp.WithAllocatorOptions(
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.WindowSize(o.Width, o.Height),
	))
	p := &Page{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		t.Fatalf("start %s: %v", program, err)
	}
	listening := p.listen()
	t.Cleanup(func() {
		cancel()
		<-listening
	})
	p.do(chromedp.EmulateViewport(int64(o.Width), int64(o.Height)))
	p.SetDark(o.Dark)
	return p
}

// listen collects what the page complains of.
func (p *Page) listen() (ended <-chan struct{}) {
	done := make(chan struct{})
	messages := chromedp.Console(p.ctx)
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			if text := fmt.Sprint(m); strings.Contains(strings.ToLower(text), "error") {
				p.mu.Lock()
				p.complaints = append(p.complaints, text)
				p.mu.Unlock()
			}
		}
	}()
	return done
}

// Complaints returns the errors on the page's console, uncaught exceptions among
// them.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.complaints...)
}

// do runs steps, and fails the test when they take for ever.
func (p *Page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%v; the page complains of %q", err, p.Complaints())
	}
}

// SetDark changes the theme that pages are asked for.
func (p *Page) SetDark(dark bool) {
	p.t.Helper()
	value := "light"
	if dark {
		value = "dark"
	}
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}},
		})
		return err
	}))
}

// Resize changes the size of the window.
func (p *Page) Resize(width, height int) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(int64(width), int64(height)))
}

// Go opens an address and waits until it is loaded.
func (p *Page) Go(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
}

// Reload loads the page again.
func (p *Page) Reload() {
	p.t.Helper()
	p.do(chromedp.Reload())
}

// Click clicks on the first element that a CSS selector finds, when it is there and not
// disabled: a page may take a moment to enable a button after what was typed.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.Until(fmt.Sprintf("document.querySelector(%q)?.matches(':not(:disabled)')", selector))
	p.do(chromedp.Click(selector))
}

// Type types into the element that a CSS selector finds.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	p.do(chromedp.SendKeys(selector, text))
}

// Press presses keys, one after the other, wherever the focus is: "\t" is Tab, "\r"
// Enter, and "\u001b" Escape.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// Choose gives files to a file input.
func (p *Page) Choose(selector string, paths ...string) {
	p.t.Helper()
	p.do(chromedp.SetUploadFiles(selector, paths))
}

// Until waits until a JavaScript expression is true.
func (p *Page) Until(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void]("!!("+expression+")",
		chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(0)))
	if err != nil {
		p.t.Fatalf("wait until %s: %v; the page complains of %q", expression, err, p.Complaints())
	}
}

// Eval returns what a JavaScript expression gives, and waits for it when that is a
// promise.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluate %s: %v; the page complains of %q", expression, err, p.Complaints())
	}
	return v
}

// Text returns the text of the element that a CSS selector finds.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return Eval[string](p, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// Screenshot returns the whole page as a PNG. When MILLRACE_SCREENSHOTS names a
// folder, it is also written there, under name.
func (p *Page) Screenshot(name string) []byte {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("take a screenshot: %v", err)
	}
	if dir := os.Getenv("MILLRACE_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
			p.t.Error(err)
		}
	}
	return png
}
