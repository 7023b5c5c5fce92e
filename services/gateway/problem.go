package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// refusal is an error that is a problem already: the conductor's answer to a
// submission, or a fault with several complaints.
type refusal struct {
	events.Problem
	retryAfter time.Duration
}

// Error returns the problem's title and code.
func (e *refusal) Error() string { return e.Title + " (" + e.Code + ")" }

// withErrors is a fault that lists everything that is wrong.
func withErrors(code fault.Code, detail string, list []events.ProblemError) error {
	p := problemOf(fault.New(code, detail, nil))
	p.Errors = list
	return &refusal{Problem: p}
}

// problemOf is a fault as a client is told.
func problemOf(f *fault.Error) events.Problem {
	info := f.Code.Info()
	return events.Problem{
		Type: "https://millrace.dev/faults/" + string(f.Code), Title: info.Text,
		Status: info.Status, Code: string(f.Code), Class: string(f.Class()),
		Retryable: retryable(f.Class()), Detail: f.Message(), Hint: info.Hint,
	}
}

// retryable reports whether the same request may succeed later by itself.
func retryable(c fault.Class) bool {
	switch c {
	case fault.Transient, fault.Timeout, fault.Resource, fault.DependencyDown,
		fault.RateLimited, fault.Unclassified:
		return true
	}
	return false
}

// refuse answers with a problem. When the answer has begun already, the connection
// is cut, so that nobody takes what was sent for the whole.
func (x *exchange) refuse(err error) {
	if x.body != nil && x.body.failed != nil {
		err = x.body.failed // what others made of it matters less
	}
	// A read that times out ends the context as if the client had gone.
	slow := fault.Has(err, fault.HTTPTooSlow) || fault.Has(err, fault.UploadInterrupted)
	gone := x.r.Context().Err() != nil && !slow
	if gone || x.w.status != 0 {
		x.g.Log.Debug("a request is cut off", "request", x.id, "path", x.r.URL.Path, "error", err)
		panic(http.ErrAbortHandler)
	}
	p, after := x.problem(err)
	p.Instance = fault.Clip(x.r.URL.Path, 300)
	if p.Status >= 500 {
		x.g.Log.Warn("a request failed", "request", x.id, "method", x.r.Method,
			"path", x.r.URL.Path, "code", p.Code, "error", err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		panic(http.ErrAbortHandler) // strings and numbers always encode
	}
	h := x.w.Header()
	if x.body != nil && !x.body.ended {
		h.Set("Connection", "close")
	}
	if after > 0 {
		h.Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	}
	_ = x.send(p.Status, events.ContentTypeProblem, data)
}

// problem turns an error into a problem, and says when to come again.
func (x *exchange) problem(err error) (p events.Problem, after time.Duration) {
	var r *refusal
	if errors.As(err, &r) {
		return r.Problem, r.retryAfter
	}
	if errors.Is(err, context.DeadlineExceeded) && fault.From(err).Code == fault.StageTimeout {
		err = fault.New(fault.BusTimeout, "", err)
	}
	f := fault.From(err)
	after = f.RetryAfter
	if after == 0 && f.Code.Info().Status == http.StatusServiceUnavailable {
		after = time.Second
	}
	return problemOf(f), after
}
