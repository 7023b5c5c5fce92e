// Package ts_test runs the client of TypeScript in a browser, against a mill.
package ts_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"testing"

	"github.com/millrace/millrace/deploy/browsertest"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/mill"
)

// pipelines are those of the mill: one makes a file, one never ends by itself, and one
// wants to be asked.
var pipelines = map[string]string{
	"maker":   "    - { id: make, uses: simulate-effect@1, with: { emit: [ { name: made.bin, bytes: 700KiB, seed: 7 } ] } }\n",
	"endless": "    - { id: wait, uses: simulate@1, with: { hang: true } }\n",
	"shy":     "    - { id: ask, uses: simulate@1, with: { fail: { class: auth, message: the key has expired, times: 1 } } }\n",
}

// world is a mill, a line to it that can be cut, and a page at the other end that has the
// client of TypeScript.
type world struct {
	*browsertest.Page
	t    *testing.T
	line *line
	// golang is the client of Go, to compare with.
	golang *client.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	address := startMill(t)
	w := &world{t: t, line: &line{read: make(chan struct{}, 10)}}
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		FlushInterval:  -1,
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: w.line.answer,
		ErrorLog:       log.New(io.Discard, "", 0), // that the line was cut is meant
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<!doctype html><meta charset="utf-8"><title>client</title><script type="module" src="/scenarios.js"></script>`))
	})
	for path, file := range map[string]string{"/scenarios.js": "testdata/scenarios.js", "/millrace.js": "dist/millrace.js"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	}
	mux.HandleFunc("POST /read", func(http.ResponseWriter, *http.Request) { w.line.read <- struct{}{} })
	mux.Handle("/", w.line.wrap(proxy))
	between := httptest.NewServer(mux)
	t.Cleanup(between.Close)
	if w.golang, err = client.New(client.Config{Server: address}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.golang.Close() })
	for name, steps := range pipelines {
		if _, err := w.golang.ApplyPipeline(t.Context(), name, []byte(source(name, steps))); err != nil {
			t.Fatal(err)
		}
	}
	w.Page = browsertest.Open(t, browsertest.Options{})
	w.Go(between.URL + "/page")
	w.Until("window.run")
	return w
}

func source(name, steps string) string {
	return "apiVersion: millrace.dev/v1\nkind: Pipeline\nmetadata:\n  name: " + name + "\nspec:\n  steps:\n" + steps
}

// play runs a scenario in the page and returns what it found.
func play[T any](w *world, scenario string, args ...any) T {
	w.t.Helper()
	call := fmt.Sprintf("run(%q", scenario)
	for _, a := range args {
		call += fmt.Sprintf(", %#v", a)
	}
	return browsertest.Eval[T](w.Page, call+")")
}

// startMill starts a mill that ends with the test, and returns its address.
func startMill(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "millrace-ts-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	m, err := mill.New(mill.Config{DataDir: dir, HTTPAddr: "127.0.0.1:0", Durability: mill.DurabilityRelaxed})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("mill: %v", err)
		}
	})
	select {
	case <-m.Ready():
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return m.HTTPURL()
}
