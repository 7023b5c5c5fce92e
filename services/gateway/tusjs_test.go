package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/millrace/millrace/deploy/browsertest"
	"github.com/millrace/millrace/deploy/npm"
	"github.com/millrace/millrace/services/gateway"
	"github.com/millrace/millrace/services/gateway/gatewaytest"
)

// tusJS is the official client for browsers.
var tusJS = npm.Package{
	Name: "tus-js-client", Version: "4.3.1",
	Integrity: "sha512-ZLeYmjrkaU1fUsKbIi8JML52uAocjEZtBx4DKjRrqzrZa0O4MYwT6db+oqePlspV+FxXJAyFBc/L5gwUi2OFsg==",
}

// tusPage uploads the same file each time it is loaded and told to.
const tusPage = `<!doctype html><meta charset="utf-8"><title>upload</title><script src="/tus.js"></script><script>
const size = 24 << 20
const bytes = new Uint8Array(size)
for (let i = 0; i < size; i++) bytes[i] = i * 7 + (i >> 8) + (i >> 16)
const file = new File([bytes], 'lärge.bin', { type: 'image/png', lastModified: 1 })
const seen = { begins: [], job: null, artifact: null, error: null, resumed: 0, done: false, aborted: false }
let upload

async function run(endpoint, chunk, stopAt) {
	upload = new tus.Upload(file, {
		endpoint, chunkSize: chunk, retryDelays: [0, 100, 300, 1000, 3000],
		metadata: { filename: file.name, filetype: file.type, pipeline: 'keep', 'param.note': 'from a page' },
		onProgress(sent) {
			if (seen.begins.length === 0) seen.begins.push(sent)
			if (stopAt && sent >= stopAt && !seen.aborted) {
				seen.aborted = true
				upload.abort()
			}
		},
		onAfterResponse(req, res) {
			seen.job = res.getHeader('Millrace-Job') || seen.job
			seen.artifact = res.getHeader('Millrace-Artifact') || seen.artifact
			if (req.getMethod() === 'HEAD') seen.resumed = Number(res.getHeader('Upload-Offset'))
		},
		onError(err) { seen.error = String(err) },
		onSuccess() { seen.done = true },
	})
	const before = await upload.findPreviousUploads()
	if (before.length) upload.resumeFromPreviousUpload(before[0])
	upload.start()
	return before.length
}
</script>`

// tusPages serves the page and the client on an origin of its own.
func tusPages(t *testing.T) *httptest.Server {
	t.Helper()
	script, err := tusJS.File(t.Context(), "dist/tus.min.js")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(tusPage)) })
	mux.HandleFunc("GET /tus.js", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(script) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// tusContent is what the page uploads.
func tusContent() []byte {
	b := make([]byte, 24<<20)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + i>>16)
	}
	return b
}

// TestTusInBrowser uploads from a page of another origin, aborts, reloads the page,
// restarts the gateway, and goes on. The official client and a real browser say what
// the headers must be.
func TestTusInBrowser(t *testing.T) {
	t.Parallel()
	pages := tusPages(t)
	w := gatewaytest.New(t, gateway.Config{TrustedOrigins: []string{pages.URL}})
	p := browsertest.Open(t, browsertest.Options{})
	p.Go(pages.URL)
	run := func(chunk string, stopAt int) int {
		t.Helper()
		return browsertest.Eval[int](p, fmt.Sprintf("run('%s/v1/uploads/', %s, %d)", w.URL, chunk, stopAt))
	}
	same(t, "uploads before the first", run("4 << 20", 10<<20), 0)
	p.Until("seen.aborted || seen.error")
	p.Reload()
	w.Stop()
	w.Start()
	same(t, "uploads before the second", run("4 << 20", 18<<20), 1)
	p.Until("seen.aborted || seen.error")
	first := browsertest.Eval[int](p, "seen.resumed")
	if first < 4<<20 {
		t.Errorf("after the first reload it goes on at %d", first)
	}
	p.Reload()
	same(t, "uploads before the third", run("Infinity", 0), 1)
	p.Until("seen.done || seen.error")
	same(t, "error", browsertest.Eval[string](p, "String(seen.error)"), "null")
	if at := browsertest.Eval[int](p, "seen.resumed"); at < first {
		t.Errorf("after the second reload it goes on at %d, after the first at %d", at, first)
	}
	content := tusContent()
	same(t, "artifact", browsertest.Eval[string](p, "seen.artifact"), digestOf(content))
	if n := len(w.Conductor.Submissions()); n != 1 {
		t.Errorf("%d submissions", n)
	}
	job := browsertest.Eval[string](p, "seen.job")
	a := ask(t, "GET", w.URL+"/v1/jobs/"+job, nil)
	var got struct {
		Job struct {
			Files []struct{ Name, Digest string }
		}
	}
	a.into(t, http.StatusOK, &got)
	if f := got.Job.Files; len(f) != 1 || f[0].Name != "lärge.bin" || f[0].Digest != digestOf(content) {
		t.Errorf("job on %+v", f)
	}
	if said := p.Complaints(); len(said) > 0 {
		t.Errorf("the browser complains: %q", said)
	}
}

// TestTusFromStrangers uploads from a page whose origin nobody trusts.
func TestTusFromStrangers(t *testing.T) {
	t.Parallel()
	pages := tusPages(t)
	w := gatewaytest.New(t, gateway.Config{})
	p := browsertest.Open(t, browsertest.Options{})
	p.Go(pages.URL)
	browsertest.Eval[int](p, fmt.Sprintf("run('%s/v1/uploads/', Infinity, 0)", w.URL))
	p.Until("seen.done || seen.error")
	if browsertest.Eval[bool](p, "seen.done") || len(w.Conductor.Submissions()) > 0 {
		t.Error("it was let in")
	}
}
