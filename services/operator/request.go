package operator

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// Limits of a request.
const (
	maxReason = 1024
	maxLabels = 64
)

// Invalid is the error of a request that makes no sense: a fault operation.invalid
// with everything that is wrong.
type Invalid struct {
	fault *fault.Error
	list  []events.ProblemError
}

// Error is the fault's.
func (e *Invalid) Error() string { return e.fault.Error() }

// Unwrap gives the fault to errors.As.
func (e *Invalid) Unwrap() error { return e.fault }

// ProblemErrors lists what is wrong.
func (e *Invalid) ProblemErrors() []events.ProblemError { return e.list }

// check refuses a request that makes no sense, and fills in what is left out.
func check(r *api.OperationRequest) error {
	var list []events.ProblemError
	wrong := func(bad bool, pointer, format string, args ...any) {
		if bad {
			list = append(list, events.ProblemError{
				Pointer: pointer, Code: string(fault.OperationInvalid), Detail: fmt.Sprintf(format, args...),
			})
		}
	}
	wrong(!slices.Contains(api.OperationVerbs(), r.Verb), "/verb", "use one of %q", api.OperationVerbs())
	wrong(r.Reason == "" || len(r.Reason) > maxReason || !utf8.ValidString(r.Reason), "/reason",
		"say why, in 1 byte to 1 KiB")
	wrong(r.Rate < 0 || r.Rate > api.MaxRate, "/rate", "want 0 to %d items a second", api.MaxRate)
	wrong(r.InFlight < 0 || r.InFlight > api.MaxInFlight, "/in_flight", "want 0 to %d", api.MaxInFlight)
	wrong(r.StopOn.FailuresPercent < 0 || r.StopOn.FailuresPercent > 100, "/stop_on/failures_percent", "want 0 to 100")
	wrong(r.AcceptIrreversible && r.Verb != api.OperationRollback, "/accept_irreversible", "it is for rollback")
	list = append(list, checkRerun(r)...)
	checkFilter(r, wrong)
	if len(list) > 0 {
		detail := list[0].Pointer + ": " + list[0].Detail
		return &Invalid{fault.New(fault.OperationInvalid, detail, nil), list}
	}
	if r.Rate == 0 {
		r.Rate = api.DefaultRate
	}
	if r.InFlight == 0 {
		r.InFlight = api.DefaultInFlight
	}
	if r.StopOn.FailuresPercent == 0 {
		r.StopOn.FailuresPercent = api.DefaultFailuresPercent
	}
	return nil
}

// checkFilter refuses a filter that makes no sense, and one that says nothing: that
// would be everything.
func checkFilter(r *api.OperationRequest, wrong func(bad bool, pointer, format string, args ...any)) {
	f := r.Filter
	redrive := r.Verb == api.OperationRedrive
	ofJobs := len(f.States) > 0 || f.Pipeline != "" || len(f.Labels) > 0
	wrong(!ofJobs && f.Code == "" && f.Consumer == "" && f.Since.IsZero() && f.Until.IsZero() && len(f.IDs) == 0,
		"/filter", "say which; a filter that says nothing would be everything")
	wrong(redrive && ofJobs, "/filter", "state, pipeline and labels are those of jobs; dead letters have none")
	wrong(!redrive && f.Consumer != "", "/filter/consumer", "it is that of dead letters")
	for i, s := range f.States {
		wrong(!slices.Contains(api.States(), s), fmt.Sprintf("/filter/state/%d", i), "use one of %q", api.States())
	}
	wrong(f.Pipeline != "" && !events.ValidToken(f.Pipeline), "/filter/pipeline", "a name is 1 to 64 of a-z, 0-9, _ and -")
	wrong(f.Consumer != "" && !events.ValidToken(f.Consumer), "/filter/consumer", "a name is 1 to 64 of a-z, 0-9, _ and -")
	wrong(len(f.Labels) > maxLabels, "/filter/labels", "want at most %d labels", maxLabels)
	wrong(!f.Until.IsZero() && f.Until.Before(f.Since), "/filter/until", "it is before since")
	wrong(len(f.IDs) > api.MaxItems, "/filter/ids", "want at most %d", api.MaxItems)
	for i, id := range f.IDs {
		if !events.ValidToken(id) {
			wrong(true, fmt.Sprintf("/filter/ids/%d", i), "it is no id")
			return
		}
	}
}
