package netguard

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter is the longest wait that [RetryAfter] returns.
const MaxRetryAfter = 24 * time.Hour

// RetryAfter reads the header of that name: seconds, or a date (RFC 9110). It
// returns how long from now that is, at most [MaxRetryAfter], and zero for what it
// cannot read or has passed.
func RetryAfter(value string, now time.Time) time.Duration {
	if s, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
		return time.Duration(min(max(s, 0), int64(MaxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), MaxRetryAfter)
	}
	return 0
}

// Untrusted reports whether an error of a transport is about who the other side
// is, or about who we are to it.
func Untrusted(err error) bool {
	var cert *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert *net.OpError
	return errors.As(err, &cert) || errors.As(err, &authority) || errors.As(err, &host) ||
		errors.As(err, &invalid) || errors.As(err, &alert) && alert.Op == "remote error"
}
