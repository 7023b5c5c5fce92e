package client_test

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/gateway"
)

// withEar returns a client of a world, and who hears what it asks for.
func withEar(t *testing.T, cfg client.Config) (*flaky, *client.Client) {
	t.Helper()
	w, _ := newWorld(t, gateway.Limits{})
	to, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	ear, _ := newFlaky(t, func(_ int, rw http.ResponseWriter, r *http.Request) { proxy.ServeHTTP(rw, r) })
	cfg.Server = ear.url
	return ear, connect(t, cfg)
}

// TestKnownFileIsNotSent submits the same file two times: the second time no byte of it
// is sent, and the job is on the same content.
func TestKnownFileIsNotSent(t *testing.T) {
	t.Parallel()
	data := content(100_000)
	path := write(t, "a.bin", data)
	head := "HEAD /v1/artifacts/" + digestOf(data)
	for name, x := range map[string]struct {
		cfg           client.Config
		first, second []string
	}{
		"small":         {client.Config{}, []string{head, "POST /v1/artifacts"}, []string{head}},
		"resumable":     {client.Config{ResumeFrom: 1}, []string{head, "POST /v1/uploads/", "PATCH"}, []string{head}},
		"never asked":   {client.Config{AskFrom: -1}, []string{"POST /v1/artifacts"}, []string{"POST /v1/artifacts"}},
		"below the bar": {client.Config{AskFrom: 100_001}, []string{"POST /v1/artifacts"}, []string{"POST /v1/artifacts"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ear, c := withEar(t, x.cfg)
			var files []any
			for _, want := range [][]string{x.first, x.second} {
				before := len(ear.requests())
				var sent int64
				f, err := c.UploadFile(t.Context(), path, client.Upload{
					MediaType: "text/x", Progress: func(n, _ int64) { sent = n },
				})
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, f)
				same(t, "progress", sent, int64(len(data)))
				asked := ear.requests()[before:]
				if !slices.EqualFunc(asked, want, strings.HasPrefix) {
					t.Errorf("requests (-want +got):\n%s", cmp.Diff(want, asked))
				}
			}
			same(t, "the same file", files[1], files[0])
		})
	}
}

// TestUnknownFileIsSent meets servers whose answer is not that they have it.
func TestUnknownFileIsSent(t *testing.T) {
	t.Parallel()
	data := content(100_000)
	path := write(t, "a.bin", data)
	for _, status := range []int{200, 403, 404, 405, 500} {
		_, c := newFlaky(t, func(_ int, w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.Header().Set("Content-Length", "7") // that is another one
				w.WriteHeader(status)
				return
			}
			store(t, w, r)
		})
		if f, err := c.UploadFile(t.Context(), path, client.Upload{}); err != nil || f.Digest != digestOf(data) {
			t.Errorf("after a %d: %+v %v", status, f, err)
		}
	}
}

// TestChangedFileIsSent changes a file that the server has.
func TestChangedFileIsSent(t *testing.T) {
	t.Parallel()
	_, c := withEar(t, client.Config{})
	path := write(t, "a.bin", content(100_000))
	if _, err := c.UploadFile(t.Context(), path, client.Upload{}); err != nil {
		t.Fatal(err)
	}
	other := content(100_001)[1:]
	if err := os.WriteFile(path, other, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := c.UploadFile(t.Context(), path, client.Upload{}); err != nil || f.Digest != digestOf(other) {
		t.Errorf("%+v %v", f, err)
	}
}
