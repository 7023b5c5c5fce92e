package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
)

// moved reports whether an answer with the status code says where the file is.
func moved(code int) bool {
	switch code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// statusFault says what an answer without a file means. It is nil for one that
// has a file, or says where it is, and where a range was asked for also for one
// that has a part of the file, or says that there is no such part.
func statusFault(u *url.URL, resp *http.Response, ranged bool) error {
	f := fault.New(fault.FetchRejected, shown(u)+" answered "+strconv.Itoa(resp.StatusCode), nil)
	wait := netguard.RetryAfter(resp.Header.Get("Retry-After"), time.Now())
	switch code := resp.StatusCode; {
	case code == http.StatusOK, moved(code),
		ranged && (code == http.StatusPartialContent || code == http.StatusRequestedRangeNotSatisfiable):
		return nil
	case code == http.StatusNotFound, code == http.StatusGone:
		f.Code = fault.FetchNotFound
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusProxyAuthRequired:
		f.Code = fault.FetchDenied
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable && wait > 0:
		f.Code, f.RetryAfter = fault.FetchRateLimited, wait
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500:
		f.Code, f.RetryAfter = fault.FetchServerError, wait
	}
	return f
}

// dialFault says why there is no answer.
func dialFault(ctx context.Context, u *url.URL, err error) error {
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case fault.Has(err, fault.NetPrivateAddress):
		return fault.New(fault.FetchPrivateAddress, shown(u), nil)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fault.New(fault.FetchNotFound, shown(u)+": no such host", nil)
	case netguard.Untrusted(err):
		return fault.New(fault.FetchUntrusted, shown(u), err)
	case errors.As(err, new(tls.RecordHeaderError)):
		return fault.New(fault.FetchRejected, shown(u)+" does not speak https", nil)
	case errors.As(err, &op) && op.Op == "dial", dns != nil:
		return fault.New(fault.FetchUnreachable, shown(u), err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fault.New(fault.FetchStalled, shown(u)+" does not answer", nil)
	}
	return fault.New(fault.FetchServerError, shown(u), err)
}

// declared is the type that an answer declares, or nothing when it says nothing.
func declared(contentType string) string {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil || t == "application/octet-stream" || len(t) > 127 {
		return ""
	}
	return t
}
