package cli

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
)

// errorObject is an error under -o json.
type errorObject struct {
	Type    string                `json:"type"`
	Code    string                `json:"code"`
	Class   string                `json:"class"`
	Message string                `json:"message"`
	Hint    string                `json:"hint,omitempty"`
	Job     string                `json:"job,omitempty"`
	Allowed []events.Choice       `json:"allowed,omitempty"`
	Errors  []events.ProblemError `json:"errors,omitempty"`
	Exit    int                   `json:"exit"`
}

// usage returns a fault for a command line that cannot be used.
func usage(format string, args ...any) error {
	return fault.New(fault.CliUsage, fmt.Sprintf(format, args...), nil)
}

// unreadable returns a fault for a file named on the command line.
func unreadable(err error) error { return fault.New(fault.CliUnreadable, "", err) }

// complain tells about an error on standard error: in words, or as one JSON
// object under -o json. command is the one that was run.
func (p *Program) complain(command string, err error) {
	var ended *jobEnded
	if errors.As(err, &ended) {
		return
	}
	o := describe(err)
	if o.Code == string(fault.CliUsage) {
		o.Hint = "Run " + command + " --help to see what it takes."
	}
	if p.output == outputJSON {
		_ = writeJSON(p.Err, o)
		return
	}
	p.talk.Error(o.Message + " (" + o.Code + ")")
	for _, e := range o.Errors {
		p.talk.Error(e.Pointer + ": " + e.Detail + " (" + e.Code + ")")
		p.talk.Hint(e.Hint)
	}
	if o.Job != "" {
		p.talk.Hint("the job is " + o.Job + ": millrace job get " + o.Job)
	}
	if text := allowedText(o.Allowed); text != "" {
		p.talk.Hint("allowed now: " + text)
	}
	p.talk.Hint(o.Hint)
}

// describe returns what there is to know about an error.
func describe(err error) errorObject {
	f := fault.From(err)
	o := errorObject{
		Type: "error", Code: string(f.Code), Class: string(f.Class()),
		Message: f.Message(), Hint: f.Code.Info().Hint, Exit: ExitOf(err),
	}
	var p *client.Problem
	if errors.As(err, &p) {
		o.Job, o.Errors, o.Allowed = p.Job, p.Errors, p.Allowed
		if len(p.Errors) > 0 {
			// The detail repeats the first of them.
			o.Message = f.Code.Info().Text
		}
		if p.Hint != "" {
			o.Hint = p.Hint
		}
	}
	return o
}
