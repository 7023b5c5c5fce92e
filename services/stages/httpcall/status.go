package httpcall

import (
	"net/http"
	"strconv"
	"time"

	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
)

// verdict says what an answer to a call means: nil that it was made, an error
// marked as not done that it was not.
func (w *work) verdict(r *request, a *answer) error {
	if r.done(a.status) {
		return nil
	}
	f := trouble(r, a)
	if f.Code == fault.HttpcallUnexpected && a.status == http.StatusConflict && !w.cfg.honoursKeys() {
		f.Code = fault.HttpcallRejected
	}
	switch f.Code {
	case fault.HttpcallDenied, fault.HttpcallRateLimited, fault.HttpcallRejected:
		return checkpoint.NotDone(f)
	}
	if a.status == http.StatusConflict {
		f.Code = fault.HttpcallServerError // it is being worked on
	}
	return f
}

// honoursKeys reports whether the other side answers a repeated request as it
// answered the first.
func (c *config) honoursKeys() bool { return c.Verify != nil && c.Verify.Idempotent }

// trouble says what an answer means that is not a success. A conflict is
// unexpected: it depends on what was asked.
func trouble(r *request, a *answer) *fault.Error {
	f := fault.New(fault.HttpcallUnexpected, shown(r.url)+" answered "+strconv.Itoa(a.status), nil)
	wait := netguard.RetryAfter(a.header.Get("Retry-After"), time.Now())
	switch s := a.status; {
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusProxyAuthRequired:
		f.Code = fault.HttpcallDenied
	case s == http.StatusTooManyRequests, s == http.StatusTooEarly:
		f.Code, f.RetryAfter = fault.HttpcallRateLimited, wait
	case s == http.StatusServiceUnavailable && wait > 0:
		f.Code, f.RetryAfter = fault.HttpcallUnavailable, wait
	case s == http.StatusRequestTimeout, s >= 500:
		f.Code, f.RetryAfter = fault.HttpcallServerError, wait
	case s == http.StatusConflict:
	case s >= 400, s == http.StatusTemporaryRedirect, s == http.StatusPermanentRedirect:
		f.Code = fault.HttpcallRejected
	}
	return f
}
