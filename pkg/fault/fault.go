// Package fault says what went wrong and what may be done about it.
//
// An error that leaves a package carries a [Code], which says what happened, and
// through it a [Class], which says what may be done next. Programs act on the
// class, tests and alerts name the code, people read the message and the hint.
// Nothing in Millrace decides by the text of an error.
//
// All codes, with class, HTTP status, text and hint, are listed in
// schemas/faults.json; the constants of this package are generated from it.
package fault

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// Class groups faults by the response they allow. The set is closed: a policy
// answers for every class.
type Class string

// The classes.
const (
	// Unclassified is the class of an error that carries no code. It is tried
	// again within the budget and then shown to a person, because taking an
	// unknown error for permanent loses files.
	Unclassified Class = "unclassified"
	// Transient faults pass by themselves; the same call may be tried again.
	Transient Class = "transient"
	// RateLimited faults are refusals by a busy peer. They burn no attempt.
	RateLimited Class = "rate_limited"
	// DependencyDown means that something the step needs does not answer. It
	// burns no attempt.
	DependencyDown Class = "dependency_down"
	// Timeout means that a time limit passed.
	Timeout Class = "timeout"
	// Resource means that disk, memory or a quota is used up.
	Resource Class = "resource"
	// DataQuality means that the file itself is at fault. No retry can help.
	DataQuality Class = "data_quality"
	// SchemaMismatch means that a message, a parameter or a configuration does
	// not have the shape it must have. No retry can help.
	SchemaMismatch Class = "schema_mismatch"
	// Policy means that a rule forbids it. No retry can help.
	Policy Class = "policy"
	// Auth means that credentials are missing or refused; a person must act.
	Auth Class = "auth"
	// Poison means that the input cannot be handled at all.
	Poison Class = "poison"
	// Conflict means that the work was done, or is being done, by another.
	Conflict Class = "conflict"
	// UnknownEffect means that an effect may or may not have happened.
	UnknownEffect Class = "unknown_effect"
	// Cancelled means that someone asked for the work to stop.
	Cancelled Class = "cancelled"
	// Bug means that an invariant of Millrace or of a stage does not hold.
	Bug Class = "bug"
)

// Code names one fault: lower case, dotted, the part before the dot is where it
// is raised. A code is never renamed or reused.
type Code string

// Info is what faults.json says of a code.
type Info struct {
	Code  Code  `json:"code"`
	Class Class `json:"class"`
	// Status is the HTTP status that fits the fault.
	Status int `json:"status"`
	// Text says in a few words what happened; Hint in a sentence what to do.
	Text string `json:"text"`
	Hint string `json:"hint"`
}

// Info returns what the registry says of c. A code that is not in the registry
// has class [Unclassified] and status 500.
func (c Code) Info() Info {
	if i, ok := registry[c]; ok {
		return i
	}
	return Info{Code: c, Class: Unclassified, Status: 500, Text: string(c)}
}

// Class returns the class of c.
func (c Code) Class() Class { return c.Info().Class }

// Error is a classified error.
type Error struct {
	Code Code
	// Detail says what was being done to what: "open artifact sha256:…". It
	// never holds a secret.
	Detail string
	// Override replaces the class of the code, for faults whose class is
	// chosen by configuration. Empty keeps it.
	Override Class
	// RetryAfter is the shortest wait before another attempt. Zero leaves it
	// to the policy.
	RetryAfter time.Duration
	// Dependency is what did not answer as it should: "http:crm.example.com". It
	// holds no secret. Empty means that nothing outside was asked; see [Blame].
	Dependency string
	// Err is the cause. It may be nil.
	Err error
}

// New returns a fault with a detail and a cause; either may be empty.
func New(code Code, detail string, cause error) *Error {
	return &Error{Code: code, Detail: detail, Err: cause}
}

// Error returns "text: detail: cause (code)".
func (e *Error) Error() string {
	return e.Message() + " (" + string(e.Code) + ")"
}

// Message returns the error without its code, on one line of at most 1 KiB of
// valid UTF-8, fit for a record that is kept.
func (e *Error) Message() string {
	parts := []string{e.Code.Info().Text}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return Clip(strings.Join(parts, ": "), 1024)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is a fault with the same code, so that
// errors.Is(err, fault.New(fault.BusFenced, "", nil)) works; see also [Has].
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Class returns the class that the response is chosen by.
func (e *Error) Class() Class {
	if e.Override != "" {
		return e.Override
	}
	return e.Code.Class()
}

// Has reports whether err, or an error it wraps, is a fault with code c.
func Has(err error, c Code) bool { return errors.Is(err, &Error{Code: c}) }

// From returns the outermost fault in err's tree, or one that wraps err: with
// code job.cancelled for [context.Canceled], stage.timeout for
// [context.DeadlineExceeded] and stage.unclassified for anything else. It
// returns nil for nil.
func From(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return New(JobCancelled, "", err)
	case errors.Is(err, context.DeadlineExceeded):
		return New(StageTimeout, "", err)
	}
	return New(StageUnclassified, "", err)
}

// ClassOf returns the class of From(err), and "" for nil.
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	return From(err).Class()
}

// Clip returns s on one line, with control characters replaced by spaces, cut
// to at most n bytes at a character.
func Clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
