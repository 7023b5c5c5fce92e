package schemas

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// Limits that a schema cannot state, because it counts characters and not bytes.
const (
	// MaxKeyBytes is how long an idempotency key may be.
	MaxKeyBytes = 255
	// MaxNameBytes is how long the name of a file may be.
	MaxNameBytes = 255
	// MaxInlineBytes is how long the inline content of one file may be.
	MaxInlineBytes = 64 << 10
	// MaxParamsBytes is how long the parameters of a job may be, as JSON.
	MaxParamsBytes = 64 << 10
)

// DecodeSubmission reads a submission as it comes from outside. It takes what
// [Validate] takes for "submission" and, beyond it, checks the limits in bytes.
// With complaints, the submission is empty.
//
// Their codes are submit.invalid, submit.too_large, submit.no_files,
// submit.bad_name and submit.bad_source.
func DecodeSubmission(data []byte) (events.Submission, []events.ProblemError) {
	if len(data) > MaxBytes {
		detail := fmt.Sprintf("the payload has %d bytes, more than %d", len(data), MaxBytes)
		return events.Submission{}, complain("", fault.SubmitTooLarge, detail)
	}
	s, list := read("submission", data, submissionShape, regularSubmission)
	if list == nil {
		list = oversize(&s)
	}
	if list != nil {
		return events.Submission{}, list
	}
	return s, nil
}

// DecodeOutcome reads a stage's answer as it comes from outside. It takes what
// [Validate] takes for "outcome", about ten times as fast when the message is as
// Millrace itself writes it. With complaints, whose code is bus.undecodable, the
// outcome is empty.
func DecodeOutcome(data []byte) (events.AttemptOutcome, []events.ProblemError) {
	o, list := read("outcome", data, outcomeShape, regularOutcome)
	if list == nil {
		list = longNames("/files", o.Files)
	}
	if list != nil {
		return events.AttemptOutcome{}, list
	}
	return o, nil
}

// DecodeCommand reads a command as it comes from outside. It takes what
// [Validate] takes for "command". With complaints, whose code is bus.undecodable,
// the command is empty.
func DecodeCommand(data []byte) (events.Command, []events.ProblemError) {
	return read("command", data, nil, func(*events.Command) bool { return false })
}

// DecodeRule reads a rule as it comes from outside. It takes what [Validate] takes
// for "rule"; whether the rule makes sense is for package policy to say. With
// complaints, whose code is rule.invalid, the rule is empty.
func DecodeRule(data []byte) (events.Rule, []events.ProblemError) {
	return read("rule", data, nil, func(*events.Rule) bool { return false })
}

// read decodes a message. A regular one that sound answers for is done; any other
// is for the schema to judge.
func read[T any](name string, data []byte, sh *shape, sound func(*T) bool) (T, []events.ProblemError) {
	var v, none T
	regular, pointer, detail := scan(data, sh)
	if detail != "" {
		return none, complain(pointer, wire.rootCode(name), detail)
	}
	err := json.Unmarshal(data, &v)
	if err == nil && regular && sound(&v) {
		return v, nil
	}
	if list := validate(name, data); list != nil {
		return none, list
	}
	if err != nil {
		return none, complain("", wire.rootCode(name), unreadable(err))
	}
	return v, nil
}

// unreadable names a value that its schema allows and Go cannot hold, such as 1.0
// where an integer is wanted.
func unreadable(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return wrong.Field + " is not a value that can be read here"
	}
	return "it has a value that cannot be read here"
}

// oversize finds what is too long in bytes.
func oversize(s *events.Submission) []events.ProblemError {
	var list []events.ProblemError
	over := func(pointer string, code fault.Code, got, limit int) {
		if got > limit && len(list) < maxComplaints {
			list = append(list, complaint(pointer, code, fmt.Sprintf("want at most %d bytes, got %d", limit, got)))
		}
	}
	over("/key", fault.SubmitInvalid, len(s.Key), MaxKeyBytes)
	over("/params", fault.SubmitTooLarge, len(s.Params), MaxParamsBytes)
	for i := range s.Files {
		over(fmt.Sprintf("/files/%d/name", i), fault.SubmitBadName, len(s.Files[i].Name), MaxNameBytes)
		over(fmt.Sprintf("/files/%d/inline", i), fault.SubmitTooLarge, len(s.Files[i].Inline), MaxInlineBytes)
	}
	return list
}

// longNames finds names that are too long in bytes.
func longNames(pointer string, files []events.File) []events.ProblemError {
	var list []events.ProblemError
	for i, f := range files {
		if len(f.Name) > MaxNameBytes && len(list) < maxComplaints {
			list = append(list, complaint(fmt.Sprintf("%s/%d/name", pointer, i), fault.BusUndecodable,
				fmt.Sprintf("want at most %d bytes, got %d", MaxNameBytes, len(f.Name))))
		}
	}
	return list
}
