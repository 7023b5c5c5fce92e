package gateway

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// Limits of a command's body.
const (
	maxCommand = 16 << 10
	maxReason  = 1024
	maxPlan    = 255
)

// order reads the body of a command, which may be missing, into cmd. A member that
// the command does not take is refused, so that nobody takes it for heard. Fault:
// http.bad_request.
func (x *exchange) order(cmd *events.Command) error {
	data, err := x.readBody(maxCommand)
	if err != nil || len(data) == 0 {
		return err
	}
	if t := x.mediaType(); t != events.ContentTypeJSON {
		return fault.New(fault.HTTPUnsupportedMediaType, "send application/json, or no body", nil)
	}
	f, err := readFields(data)
	if err != nil {
		return badRequest("the body is not a JSON object")
	}
	takes := flow.Members(cmd.Verb)
	for _, name := range f.names {
		if !slices.Contains(takes, name) {
			return badRequest(string(cmd.Verb) + " has no member " + strconv.Quote(name) + "; it takes " +
				strings.Join(takes, ", "))
		}
		if err := setMember(cmd, f, name); err != nil {
			return err
		}
	}
	return nil
}

// setMember puts one member of the body into a command.
func setMember(cmd *events.Command, f *fields, name string) (err error) {
	switch name {
	case flow.MemberForce:
		cmd.Force, err = f.truth(name)
		return err
	case flow.MemberIrreversible:
		cmd.Irreversible, err = f.truth(name)
		return err
	}
	text, err := f.text(name)
	if err != nil || !utf8.ValidString(text) {
		return badRequest(name + " is not a text")
	}
	switch name {
	case flow.MemberReason:
		if len(text) > maxReason {
			return badRequest("reason is not a text of at most 1 KiB")
		}
		cmd.Reason = text
	case flow.MemberStep:
		if !events.ValidToken(text) {
			return badRequest("step is not 1 to 64 of a-z, 0-9, _ and -")
		}
		cmd.Step = text
	case flow.MemberPlan:
		if len(text) > maxPlan {
			return badRequest("plan is not the digest of a plan")
		}
		cmd.Plan = text
	case flow.MemberEffect:
		cmd.Effect = events.Settlement(text)
		if cmd.Effect != events.SettleDone && cmd.Effect != events.SettleNotDone {
			return badRequest("effect is done or not_done")
		}
	}
	return nil
}

// truth takes a boolean member out.
func (f *fields) truth(name string) (bool, error) {
	var yes bool
	if err := json.Unmarshal(f.values[name], &yes); err != nil {
		return false, badRequest(name + " is not true or false")
	}
	return yes, nil
}
