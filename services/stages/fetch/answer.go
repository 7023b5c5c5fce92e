package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// maxRetryAfter is the longest wait that a source may ask for.
const maxRetryAfter = 24 * time.Hour

// statusFault says what an answer without a file means. It is nil for one that
// has a file, or says where it is.
func statusFault(u *url.URL, resp *http.Response) error {
	f := fault.New(fault.FetchRejected, shown(u)+" answered "+strconv.Itoa(resp.StatusCode), nil)
	wait := retryAfter(resp.Header.Get("Retry-After"), time.Now())
	switch code := resp.StatusCode; {
	case code == http.StatusOK,
		code == http.StatusMovedPermanently, code == http.StatusFound, code == http.StatusSeeOther,
		code == http.StatusTemporaryRedirect, code == http.StatusPermanentRedirect:
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
	var f *fault.Error
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &f):
		return fault.New(f.Code, shown(u), nil)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fault.New(fault.FetchNotFound, shown(u)+": no such host", nil)
	case untrusted(err):
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

// untrusted reports whether err is about who the source is.
func untrusted(err error) bool {
	var cert *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert *net.OpError
	return errors.As(err, &cert) || errors.As(err, &authority) || errors.As(err, &host) ||
		errors.As(err, &invalid) || errors.As(err, &alert) && alert.Op == "remote error"
}

// retryAfter reads the header of that name: seconds, or a date (RFC 9110).
func retryAfter(v string, now time.Time) time.Duration {
	if s, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
		return time.Duration(min(max(s, 0), int64(maxRetryAfter/time.Second))) * time.Second
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
