package publishs3

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/aws/smithy-go"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/netguard"
)

// byCode are the faults that a store names. Everything else goes by the status of
// the answer.
var byCode = map[string]fault.Code{
	"NoSuchBucket": fault.S3NoBucket, "NoSuchUpload": fault.S3UploadGone,
	"PreconditionFailed": fault.S3Conflict, "ConditionalRequestConflict": fault.S3Conflict,
	"OperationAborted": fault.S3Conflict,

	"AccessDenied": fault.S3Denied, "InvalidAccessKeyId": fault.S3Denied,
	"SignatureDoesNotMatch": fault.S3Denied, "ExpiredToken": fault.S3Denied, "InvalidToken": fault.S3Denied,
	"XAdminUserNotFound": fault.S3Denied, "RequestTimeTooSkewed": fault.S3Denied, "AccountProblem": fault.S3Denied,

	"SlowDown": fault.S3RateLimited, "SlowDownWrite": fault.S3RateLimited, "SlowDownRead": fault.S3RateLimited,
	"TooManyRequests": fault.S3RateLimited, "Throttling": fault.S3RateLimited,
	"ThrottlingException": fault.S3RateLimited, "RequestLimitExceeded": fault.S3RateLimited,
	"BandwidthLimitExceeded": fault.S3RateLimited,

	"ServiceUnavailable": fault.S3Unavailable, "RequestTimeout": fault.S3Timeout,
	"InternalError": fault.S3ServerError,

	"BadDigest": fault.S3Mismatch, "InvalidDigest": fault.S3Mismatch, "IncompleteBody": fault.S3Mismatch,
	"XAmzContentSHA256Mismatch": fault.S3Mismatch, "XAmzContentChecksumMismatch": fault.S3Mismatch,
	"InvalidPart": fault.S3Mismatch, "InvalidPartOrder": fault.S3Mismatch,

	"EntityTooLarge": fault.S3TooLarge, "KeyTooLongError": fault.S3BadKey, "KeyTooLong": fault.S3BadKey,
	"QuotaExceeded": fault.S3Full, "InsufficientStorage": fault.S3Full, "XMinioStorageFull": fault.S3Full,
}

// classify makes a fault of the error of a request.
func classify(ctx context.Context, doing string, err error) error {
	var f *fault.Error
	var api smithy.APIError
	var resp *smithyhttp.ResponseError
	switch {
	case ctx.Err() != nil:
		f = fault.From(context.Cause(ctx))
		if f.Code == fault.S3Timeout {
			return fault.New(fault.S3Timeout, doing, nil)
		}
		return f
	case errors.As(err, &f):
		return f
	case errors.Is(err, errNoCredentials):
		return fault.New(fault.S3Denied, doing, errNoCredentials)
	case errors.As(err, &resp) && resp.Response != nil && resp.Response.StatusCode >= 300:
		code := ""
		if errors.As(err, &api) {
			code = api.ErrorCode()
		}
		return answered(doing, code, resp.Response.Response)
	case errors.As(err, &api):
		return answered(doing, api.ErrorCode(), &http.Response{StatusCode: http.StatusInternalServerError})
	}
	return unanswered(doing, err)
}

// answered says what a refusal means.
func answered(doing, code string, resp *http.Response) error {
	f := fault.New(fault.S3Rejected, doing+": "+fault.Clip(code, 64)+" "+http.StatusText(resp.StatusCode), nil)
	f.RetryAfter = netguard.RetryAfter(resp.Header.Get("Retry-After"), time.Now())
	if known, ok := byCode[code]; ok {
		f.Code = known
		return f
	}
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		f.Code = fault.S3Denied
	case status == http.StatusPreconditionFailed, status == http.StatusConflict:
		f.Code = fault.S3Conflict
	case status == http.StatusTooManyRequests:
		f.Code = fault.S3RateLimited
	case status == http.StatusServiceUnavailable:
		f.Code = fault.S3Unavailable
	case status == http.StatusInsufficientStorage:
		f.Code = fault.S3Full
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		f.Code = fault.S3Timeout
	case status == http.StatusNotImplemented:
	case status >= 500:
		f.Code = fault.S3ServerError
	}
	return f
}

// unanswered says why there is no answer.
func unanswered(doing string, err error) error {
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	code := fault.S3ServerError
	switch {
	case netguard.Untrusted(err):
		code = fault.S3Untrusted
	case errors.As(err, &dns), errors.As(err, &op) && op.Op == "dial", errors.Is(err, syscall.ECONNREFUSED):
		code = fault.S3Unreachable
	case errors.As(err, &timeout) && timeout.Timeout():
		code = fault.S3Timeout
	}
	return fault.New(code, doing, bare(err))
}

// bare is the innermost error that says what happened, without the address and
// the ids of the request.
func bare(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// absent reports whether an error says that there is no such object.
func absent(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) && (api.ErrorCode() == "NoSuchBucket" || api.ErrorCode() == "NoSuchUpload") {
		return false
	}
	var resp *smithyhttp.ResponseError
	return errors.As(err, &resp) && resp.Response != nil && resp.Response.StatusCode == http.StatusNotFound
}
