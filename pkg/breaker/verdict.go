package breaker

import (
	"context"
	"errors"

	"github.com/millrace/millrace/pkg/fault"
)

// verdict is what the end of a call says of the dependency.
type verdict int

const (
	// neutral says nothing.
	neutral verdict = iota
	success
	failure
)

// What the gate is told of a call that was not a success.
var (
	errNeutral = errors.New("call says nothing of the dependency")
	errFailure = errors.New("dependency failed")
)

func (v verdict) err() error {
	switch v {
	case success:
		return nil
	case failure:
		return errFailure
	}
	return errNeutral
}

// verdicts has an entry for every class.
var verdicts = map[fault.Class]verdict{
	fault.Transient:      failure,
	fault.Timeout:        failure,
	fault.DependencyDown: failure,
	fault.Unclassified:   failure,
	fault.UnknownEffect:  failure,

	fault.DataQuality:    success,
	fault.SchemaMismatch: success,
	fault.Policy:         success,
	fault.Auth:           success,
	fault.Conflict:       success,
	fault.Poison:         success,

	fault.Cancelled:   neutral,
	fault.RateLimited: neutral,
	fault.Resource:    neutral,
	fault.Bug:         neutral,
}

// judge returns what err says, which a call under ctx returned.
func judge(ctx context.Context, err error) verdict {
	switch {
	case err == nil:
		return success
	case ctx.Err() != nil:
		if fault.ClassOf(context.Cause(ctx)) == fault.Timeout {
			return failure
		}
		return neutral
	case fault.From(err).Code == fault.BreakerOpen:
		return neutral
	}
	return verdicts[fault.ClassOf(err)]
}
