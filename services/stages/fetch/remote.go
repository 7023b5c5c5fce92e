package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// remote fetches a file over HTTP.
func (g *fetching) remote(ctx context.Context, u *url.URL, name, mediaType string) (events.File, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var resp *http.Response
	err := g.breakers.Do(ctx, "http:"+u.Host, func(context.Context) error {
		var err error
		resp, err = g.get(ctx, u)
		return err
	})
	if err != nil {
		return events.File{}, err
	}
	defer resp.Body.Close()
	if mediaType == "" {
		mediaType = declared(resp.Header.Get("Content-Type"))
	}
	if limit := int64(g.config.MaxBytes); limit > 0 && resp.ContentLength > limit {
		return events.File{}, fault.New(fault.FetchTooLarge, shown(u), nil)
	}
	w := g.task.Store.Create(ctx, &artifact.PutOptions{Name: name, MediaType: mediaType})
	defer w.Abort()
	body := newWatched(resp.Body, time.Duration(g.config.Stall), func() {
		stop(fault.New(fault.FetchStalled, shown(u), nil))
	})
	defer body.stop()
	n, err := g.copy(ctx, w, body, shown(u))
	if ctx.Err() != nil {
		return events.File{}, context.Cause(ctx)
	}
	if fault.Has(err, fault.FetchIO) || err == nil && resp.ContentLength >= 0 && n != resp.ContentLength {
		return events.File{}, fault.New(fault.FetchTruncated,
			shown(u)+" after "+strconv.FormatInt(n, 10)+" bytes", nil)
	}
	if err != nil {
		return events.File{}, err
	}
	return w.Commit()
}

// get asks for a file and returns an answer that has one.
func (g *fetching) get(ctx context.Context, u *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fault.New(fault.SubmitBadSource, "the url cannot be asked for", nil)
	}
	req.Header.Set("User-Agent", "millrace")
	client := &http.Client{Transport: g.transport, CheckRedirect: g.redirect}
	resp, err := client.Do(req)
	if err != nil {
		return nil, dialFault(ctx, u, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	_ = resp.Body.Close()
	return nil, statusFault(u, resp)
}

// redirect follows to http and https addresses, and not from https to http.
func (g *fetching) redirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > g.config.MaxRedirects:
		return fault.New(fault.FetchTooManyRedirects, shown(via[0].URL), nil)
	case req.URL.Scheme != "https" && (req.URL.Scheme != "http" || via[0].URL.Scheme == "https"):
		return fault.New(fault.FetchRejected, shown(via[0].URL)+" redirects to where it is less safe", nil)
	}
	return nil
}

// dialFault says why there is no answer. The client's own error has the whole
// address in its text, with whatever secret is in it.
func dialFault(ctx context.Context, u *url.URL, err error) error {
	var f *fault.Error
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var cert *tls.CertificateVerificationError
	var wrapped *url.Error
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fault.New(fault.FetchNotFound, shown(u)+": no such host", nil)
	case errors.As(err, &f):
		return fault.New(f.Code, shown(u), nil)
	case errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &host), errors.As(err, &cert):
		return fault.New(fault.FetchUntrusted, shown(u), nil)
	case errors.As(err, &wrapped):
		err = wrapped.Err
	}
	return fault.New(fault.FetchUnreachable, shown(u), err)
}

// statusFault says what an answer without a file means.
func statusFault(u *url.URL, resp *http.Response) error {
	f := fault.New(fault.FetchRejected, shown(u)+" answered "+strconv.Itoa(resp.StatusCode), nil)
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound, code == http.StatusGone:
		f.Code = fault.FetchNotFound
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusProxyAuthRequired:
		f.Code = fault.FetchDenied
	case code == http.StatusTooManyRequests:
		f.Code, f.RetryAfter = fault.FetchRateLimited, retryAfter(resp.Header.Get("Retry-After"), time.Now())
	case code == http.StatusRequestTimeout, code >= 500:
		f.Code, f.RetryAfter = fault.FetchServerError, retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return f
}

// maxRetryAfter is the longest wait that a source may ask for.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header of that name: seconds, or a date (RFC 9110).
func retryAfter(v string, now time.Time) time.Duration {
	if s, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
		return min(max(time.Duration(s), 0)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// declared is the type that an answer declares, or nothing when it says nothing.
func declared(contentType string) string {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil || t == "application/octet-stream" || len(t) > 127 {
		return ""
	}
	return t
}

// shown is an address as it may be seen by anyone: without user, query and
// fragment, which hold secrets.
func shown(u *url.URL) string {
	return fault.Clip((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), 200)
}

// watched is a reader that is given up when it yields nothing for too long.
type watched struct {
	r     io.Reader
	stall time.Duration
	timer *time.Timer
}

// newWatched calls stalled, once, when r yields nothing for as long as stall.
func newWatched(r io.Reader, stall time.Duration, stalled func()) *watched {
	return &watched{r: r, stall: stall, timer: time.AfterFunc(stall, stalled)}
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 {
		w.timer.Reset(w.stall)
	}
	return n, err
}

func (w *watched) stop() { w.timer.Stop() }
