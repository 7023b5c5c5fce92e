package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/millrace/millrace/pkg/fault"
)

func TestBlame(t *testing.T) {
	t.Parallel()
	const crm, other = "http:crm.example.com", "s3:backup"
	down := fault.New(fault.FetchUnreachable, "GET", context.DeadlineExceeded)
	plain := errors.New("broken")
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"a fault":                      {fault.Blame(down, crm), crm},
		"a fault around one":           {fault.New(fault.StageTimeout, "", fault.Blame(down, crm)), crm},
		"a wrapped fault":              {fault.Blame(fmt.Errorf("read: %w", down), crm), crm},
		"an error that is no fault":    {fault.Blame(plain, crm), crm},
		"one of several errors":        {errors.Join(plain, fault.Blame(down, crm)), crm},
		"the first to blame keeps it":  {fault.Blame(fault.Blame(down, other), crm), other},
		"the first, under a wrap":      {fault.Blame(fmt.Errorf("read: %w", fault.Blame(plain, other)), crm), other},
		"nobody to blame":              {fault.Blame(down, ""), ""},
		"nobody blamed":                {errors.Join(plain, down), ""},
		"the outermost fault has it":   {&fault.Error{Code: fault.BreakerOpen, Dependency: crm, Err: fault.Blame(down, other)}, crm},
		"nil has nobody":               {nil, ""},
		"nil is not to be blamed, too": {fault.Blame(nil, crm), ""},
	} {
		if got := fault.DependencyOf(tc.err); got != tc.want {
			t.Errorf("%s: %q is to blame, want %q", name, got, tc.want)
		}
	}
	if down.Dependency != "" {
		t.Error("the fault itself was changed")
	}
	named := fault.Blame(down, crm)
	if named.Error() != down.Error() || !fault.Has(named, fault.FetchUnreachable) || !errors.Is(named, context.DeadlineExceeded) {
		t.Errorf("Blame made %v of %v", named, down)
	}
	if named := fault.Blame(plain, crm); named.Error() != plain.Error() || !errors.Is(named, plain) {
		t.Errorf("Blame made %v of %v", named, plain)
	}
	if got := fault.Blame(nil, crm); got != nil {
		t.Errorf("Blame made %v of nil", got)
	}
}
