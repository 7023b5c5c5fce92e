package mill_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	esbuild "github.com/evanw/esbuild/pkg/api"

	"github.com/millrace/millrace/deploy/browsertest"
	"github.com/millrace/millrace/deploy/npm"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/mill"
)

// webhooksJS is the official library of Standard Webhooks for JavaScript, and what it needs.
var webhooksJS = []npm.Package{
	{
		Name: "standardwebhooks", Version: "1.1.1",
		Integrity: "sha512-bCbX9ZEyFkWPsRz7Bl3NuQUJohmwGSev/yhr7vhaGPlc4AfIrspIRa6cPTBuI1ItmrTDJ4d/S2hCsfe4+vQGnQ==",
	},
	{
		Name: "@stablelib/base64", Version: "1.0.1",
		Integrity: "sha512-1bnPQqSxSuc3Ii6MhBysoWCg58j97aUjuCSZrGSmDxNqtytIi0k8utUenAwTZN4V5mXXYGsVUI9zeBqy+jBOSQ==",
	},
	{
		Name: "fast-sha256", Version: "1.3.0",
		Integrity: "sha512-n11RGP/lrWEFI/bWdygLxhI+pVeo1ZYIVwvvPkW7azl/rOy+F3HYRZ2K5zeE9mmkhQppyv9sQFx0JM9UabnpPQ==",
	},
}

// webhooksScript bundles the library for a page, as the global webhooks.
func webhooksScript(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range webhooksJS {
		at := filepath.Join(dir, "node_modules", filepath.FromSlash(p.Name))
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := p.Unpack(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	r := esbuild.Build(esbuild.BuildOptions{
		Stdin:  &esbuild.StdinOptions{Contents: `export * from 'standardwebhooks'`, ResolveDir: dir},
		Bundle: true, Format: esbuild.FormatIIFE, GlobalName: "webhooks", Platform: esbuild.PlatformBrowser,
	})
	if len(r.Errors) > 0 {
		t.Fatalf("%v", r.Errors)
	}
	return string(r.OutputFiles[0].Contents)
}

// TestWebhookInJavaScript lets the official library verify what a receiver was sent, in a
// browser, and refuse the same with one byte changed.
func TestWebhookInJavaScript(t *testing.T) {
	t.Parallel()
	type webhook struct {
		head map[string]string
		body string
	}
	sent := make(chan webhook, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		head := map[string]string{}
		for k := range r.Header {
			head[k] = r.Header.Get(k)
		}
		select {
		case sent <- webhook{head, string(body)}:
		default: // one is enough
		}
	}))
	t.Cleanup(receiver.Close)
	w := newWorld(t, func(c *mill.Config) { c.AllowPrivateNetworks, c.HTTPAddr = true, "127.0.0.1:0" })
	w.apply("one", `
    - { id: one, uses: hash@1 }`)
	c, err := client.New(client.Config{Server: w.mill.HTTPURL()})
	if err != nil {
		t.Fatal(err)
	}
	hook, err := c.CreateWebhook(t.Context(), api.WebhookRequest{URL: receiver.URL, Types: []string{"job.completed"}})
	if err != nil {
		t.Fatal(err)
	}
	job := w.accepted("one", inline("a", "a"))
	got := <-sent

	script := webhooksScript(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<!doctype html><meta charset="utf-8"><title>webhook</title><script>`+script+`</script>`)
	}))
	t.Cleanup(page.Close)
	p := browsertest.Open(t, browsertest.Options{})
	p.Go(page.URL)
	verify := func(body string) string {
		t.Helper()
		args, err := json.Marshal([]any{hook.Secret, body, got.head})
		if err != nil {
			t.Fatal(err)
		}
		return browsertest.Eval[string](p, fmt.Sprintf(`((secret, body, head) => {
			try { return new webhooks.Webhook(secret).verify(body, head).data.job } catch (e) { return String(e) }
		})(...%s)`, args))
	}
	if said := verify(got.body); said != job {
		t.Errorf("the webhook of job %s: %s", job, said)
	}
	if said := verify(strings.Replace(got.body, "completed", "c0mpleted", 1)); !strings.Contains(said, "No matching signature") {
		t.Errorf("a webhook that was changed: %s", said)
	}
}
