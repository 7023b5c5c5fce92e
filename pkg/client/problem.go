package client

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// maxProblem bounds what is read of an answer that refuses.
const maxProblem = 1 << 20

// Problem is the answer of a server that refused a call. It wraps a [fault.Error]
// with the same code.
type Problem struct {
	events.Problem
	fault *fault.Error
}

// Error returns the fault's text.
func (p *Problem) Error() string { return p.fault.Error() }

// Unwrap returns the fault.
func (p *Problem) Unwrap() error { return p.fault }

// refusal turns an answer with a status of 400 or more into an error.
func refusal(r *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxProblem))
	if err != nil {
		return fault.New(fault.ClientInterrupted, "read the answer", err)
	}
	var p events.Problem
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mediaType != events.ContentTypeProblem || json.Unmarshal(data, &p) != nil || p.Code == "" {
		return stranger(r)
	}
	return newProblem(p, retryAfter(r))
}

// stranger is the error of an answer that no gateway gave: a proxy in between that
// finds no server behind it, or another program altogether.
func stranger(r *http.Response) error {
	switch r.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		f := fault.New(fault.ClientUnreachable, "something in between answers "+r.Status, nil)
		f.RetryAfter = retryAfter(r)
		return f
	}
	return fault.New(fault.ClientBadAnswer,
		"it answers "+clipped(r.Status)+" without a problem", nil)
}

func newProblem(p events.Problem, after time.Duration) *Problem {
	code := fault.Code(p.Code)
	f := fault.New(code, detailOf(p), nil)
	f.RetryAfter = after
	if class := fault.Class(p.Class); class != "" && class != code.Class() {
		f.Override = class
	}
	return &Problem{Problem: p, fault: f}
}

// detailOf returns the detail without the title, which a fault's text begins with.
func detailOf(p events.Problem) string {
	detail := strings.TrimPrefix(p.Detail, p.Title)
	return fault.Clip(strings.TrimPrefix(detail, ": "), 1024)
}

// retryAfter reads how long the server asks to wait.
func retryAfter(r *http.Response) time.Duration {
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Minute)
}
