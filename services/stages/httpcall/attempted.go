package httpcall

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

// attempted is one effect in one attempt: a call, or what takes it back.
type attempted struct {
	*work
	key     string // in the ledger
	request *request
	// until is when a call must be over, however long the ledger takes. It is
	// before the time of the intent and the time limit together.
	until time.Time
}

// begin starts the time limit of a call.
func (a *attempted) begin() { a.until = time.Now().Add(time.Duration(a.cfg.TimeLimit)) }

// do is the call.
func (a *attempted) do(ctx context.Context, id string) (string, error) {
	if !time.Now().Before(a.until) {
		return "", checkpoint.NotDone(fault.New(fault.HttpcallTimeout, "the call was not begun in time", nil))
	}
	return a.send(ctx, id, a.until)
}

// send makes the request. Its errors are marked when it was certainly not carried
// out.
func (a *attempted) send(ctx context.Context, id string, until time.Time) (string, error) {
	got, sent, err := a.exchange(ctx, a.request, id, until, func(got *answer) error {
		return a.verdict(a.request, got)
	})
	switch {
	case err == nil:
		return a.receipt(a.request, got), nil
	case !sent:
		err = checkpoint.NotDone(err)
	}
	return "", err
}

// verify is how to find out whether the call with an id was made.
func (a *attempted) verify(id string) checkpoint.Verify {
	switch v := a.cfg.Verify; {
	case v == nil:
		return nil
	case v.Idempotent:
		return a.repeat
	default:
		return func(ctx context.Context, _ string) (string, error) {
			defer a.begin() // the call may follow
			return a.ask(ctx, id)
		}
	}
}

// repeat sends the request once more, with its key: to another side that answers
// as it answered the first time, or that may be told twice.
func (a *attempted) repeat(ctx context.Context, id string) (string, error) {
	defer a.begin()
	until := time.Now().Add(time.Duration(a.cfg.TimeLimit))
	got, _, err := a.exchange(ctx, a.request, id, until, func(got *answer) error {
		return a.verdict(a.request, got)
	})
	switch {
	case err == nil:
		return a.receipt(a.request, got), nil
	case got == nil || !fault.Has(err, fault.HttpcallRejected):
		return "", fault.From(err) // that this one was not carried out says nothing of the first
	case conclusive(got.status):
		return "", checkpoint.ErrAbsent
	}
	return "", checkpoint.ErrUnknown
}

// conclusive reports whether the other side would not have answered no in this
// way if it had carried out the same request before. What is gone now may have
// been there, and a key may be taken for another request's.
func conclusive(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return false
	}
	return true
}

// ask asks the address of verify whether the call is known there.
func (a *attempted) ask(ctx context.Context, id string) (string, error) {
	v := a.cfg.Verify
	u, err := parseURL(v.URL, id)
	if err != nil {
		return "", fault.New(fault.StageBadConfig, "verify", err)
	}
	rq := &request{method: http.MethodGet, url: u, expect: v.DoneStatus}
	if u.Scheme == a.request.url.Scheme && u.Host == a.request.url.Host {
		rq.headers = a.cfg.Headers
	}
	until := time.Now().Add(time.Duration(a.cfg.TimeLimit))
	got, _, err := a.exchange(ctx, rq, "", until, func(got *answer) error {
		if slices.Contains(v.DoneStatus, got.status) || slices.Contains(v.AbsentStatus, got.status) {
			return nil
		}
		return trouble(rq, got)
	})
	switch {
	case got != nil && (fault.Has(err, fault.HttpcallUnexpected) || fault.Has(err, fault.HttpcallRejected)):
		return "", checkpoint.ErrUnknown
	case err != nil:
		return "", fault.From(err)
	case slices.Contains(v.DoneStatus, got.status):
		return a.receipt(rq, got), nil
	}
	return "", a.absent(ctx)
}

// absent says what it means that the call is not known on the other side: that
// it was not made, once a call that was on its way must have arrived.
func (a *attempted) absent(ctx context.Context) error {
	known, err := a.task.Checkpoints.Known(ctx, a.key)
	switch {
	case err != nil:
		return err
	case known.State == "" || known.State == events.EffectAbsent:
		return checkpoint.ErrAbsent
	case known.Time.IsZero():
		return checkpoint.ErrUnknown // nobody knows how long ago
	}
	left := time.Until(known.Time.Add(time.Duration(a.cfg.TimeLimit + a.cfg.Verify.Wait)))
	if left <= 0 {
		return checkpoint.ErrAbsent
	}
	f := fault.New(fault.HttpcallUnsettled, "for another "+left.Round(time.Second).String(), nil)
	f.RetryAfter = left
	return f
}
