package httpcall

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/tracing"
)

// request is a request that can be made any number of times, always the same.
type request struct {
	method  string
	url     *url.URL
	headers map[string]string
	body    []byte
	expect  []int
	// gone: that nothing is there is as good as having it deleted.
	gone bool
}

// request is that of call n.
func (w *work) request(n int) (*request, error) {
	u, err := w.address(w.cfg.URL, n)
	if err != nil {
		return nil, err
	}
	body, err := withFile(w.cfg.Body, w.file(n))
	return &request{
		method: w.cfg.Method, url: u, headers: w.cfg.Headers, body: body, expect: w.cfg.Expect,
	}, err
}

// undoRequest is the one that takes call n back.
func (w *work) undoRequest(n int) (*request, error) {
	u, err := w.address(w.cfg.Undo.URL, n)
	if err != nil {
		return nil, err
	}
	body, err := withFile(w.cfg.Undo.Body, w.file(n))
	return &request{
		method: w.cfg.Undo.Method, url: u, headers: w.headersFor(u, n), body: body,
		expect: w.cfg.Undo.Expect, gone: w.cfg.Undo.Method == http.MethodDelete,
	}, err
}

func (w *work) address(raw string, n int) (*url.URL, error) {
	u, err := parseURL(raw, w.id(n))
	if err != nil {
		return nil, fault.New(fault.StageBadConfig, "", err)
	}
	return u, nil
}

// headersFor are the headers for another address of the step: those of the call,
// unless that is another host, which must not learn secrets.
func (w *work) headersFor(u *url.URL, n int) map[string]string {
	first, err := w.address(w.cfg.URL, n)
	if err != nil || first.Scheme != u.Scheme || first.Host != u.Host {
		return nil
	}
	return w.cfg.Headers
}

// withFile adds a file to a body, if there is one to add.
func withFile(body json.RawMessage, f *events.File) ([]byte, error) {
	if f == nil {
		return body, nil
	}
	fields := map[string]json.RawMessage{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &fields); err != nil {
			return nil, fault.New(fault.StageBadConfig, "body", err)
		}
	}
	file, err := json.Marshal(f)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "encode a file", err)
	}
	fields["file"] = file
	return json.Marshal(fields)
}

// build returns the request with a key; an empty key is not sent.
func (r *request) build(ctx context.Context, cfg *config, key string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, fault.New(fault.StageBadConfig, "the url cannot be called", nil)
	}
	if len(r.body) == 0 {
		req.Body, req.GetBody = http.NoBody, nil
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("User-Agent", "millrace")
	tracing.Inject(ctx, req.Header)
	req.Header.Set("Accept-Encoding", "identity")
	if key != "" {
		if cfg.KeyQuotes {
			key = strconv.Quote(key)
		}
		req.Header.Set(cfg.KeyHeader, key)
	}
	return req, nil
}

// done reports whether a status means that the request was carried out.
func (r *request) done(status int) bool {
	if r.gone && (status == http.StatusNotFound || status == http.StatusGone) {
		return true
	}
	if len(r.expect) > 0 {
		return slices.Contains(r.expect, status)
	}
	return status >= 200 && status <= 299
}
