package schemas

import (
	"cmp"
	"errors"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// maxComplaints bounds how many complaints one message gets.
const maxComplaints = 20

// Validate checks a message against a schema of the registry by its name, for
// example "submission". It returns no complaints when the message is valid.
//
// Before the schema is asked, the message must be one JSON value of at most
// [MaxBytes] in valid UTF-8, nested at most 64 deep, without a key given twice.
// A complaint has a JSON pointer to the place, a code of package fault, and says
// what is wanted there; it does not repeat the value, which may be a secret. At
// most 20 are returned, in the order of the pointers.
//
// It may be called by many at once. The first call for a name compiles it.
func Validate(name string, data []byte) []events.ProblemError {
	if _, pointer, detail := scan(data, nil); detail != "" {
		return complain(pointer, wire.rootCode(name), detail)
	}
	return validate(name, data)
}

// validate asks the schema about a message that passed scan.
func validate(name string, data []byte) []events.ProblemError {
	schema, err := wire.schema(name)
	if err != nil {
		return complain("", fault.InternalBug, err.Error())
	}
	value, err := decode(data)
	if err != nil {
		return complain("", wire.rootCode(name), "not JSON")
	}
	var invalid *jsonschema.ValidationError
	switch err := schema.Validate(value); {
	case err == nil:
		return nil
	case !errors.As(err, &invalid):
		return complain("", fault.InternalBug, err.Error())
	}
	list := wire.explain(invalid, wire.rootCode(name))
	slices.SortStableFunc(list, func(a, b events.ProblemError) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Detail, b.Detail))
	})
	list = slices.Compact(list)
	return list[:min(len(list), maxComplaints)]
}

// complain makes a single complaint.
func complain(pointer string, code fault.Code, detail string) []events.ProblemError {
	return []events.ProblemError{complaint(pointer, code, detail)}
}

func complaint(pointer string, code fault.Code, detail string) events.ProblemError {
	return events.ProblemError{
		Pointer: fault.Clip(pointer, 1024),
		Code:    string(code),
		Detail:  fault.Clip(detail, 1024),
		Hint:    code.Info().Hint,
	}
}
