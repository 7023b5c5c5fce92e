package deadletter

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/schemas"
)

// door is a subject through which messages come in, and what it takes.
type door struct {
	word   string
	schema string
	tenant string
	job    string
	step   string
	stage  string
}

// doors says what the subjects of each kind take, and what their tokens are.
var doors = map[string]struct {
	schema string
	tokens []string
}{
	"submit":  {"submission", []string{"tenant", "pipeline"}},
	"work":    {"task", []string{"stage", "tenant", "job", "step"}},
	"undo":    {"task", []string{"stage", "tenant", "job", "step"}},
	"due":     {"timer", []string{"tenant", "job"}},
	"outcome": {"outcome", []string{"stage", "tenant", "job", "step"}},
	"control": {"command", []string{"tenant", "job"}},
}

// doorOf finds the door of a subject. Fault: deadletter.no_door.
func doorOf(subject string) (door, error) {
	word, _, _ := strings.Cut(strings.TrimPrefix(subject, events.Root+"."), ".")
	kind, known := doors[word]
	tokens, ok := events.Tokens(subject, word, len(kind.tokens))
	if !known || !ok {
		return door{}, fault.New(fault.DeadletterNoDoor, fault.Clip(subject, 200), nil)
	}
	d := door{word: word, schema: kind.schema}
	for i, name := range kind.tokens {
		switch name {
		case "tenant":
			d.tenant = tokens[i]
		case "job":
			d.job = tokens[i]
		case "step":
			d.step = tokens[i]
		case "stage":
			d.stage = tokens[i]
		}
	}
	return d, nil
}

// Invalid is the error of a payload that its door would not take: a fault
// deadletter.invalid with everything that is wrong.
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

func invalid(list ...events.ProblemError) error {
	detail := fault.Clip(list[0].Pointer+": "+list[0].Detail, 300)
	return &Invalid{fault.New(fault.DeadletterInvalid, detail, nil), list}
}

func wrong(pointer, detail string) error {
	return invalid(events.ProblemError{
		Pointer: pointer, Code: string(fault.DeadletterInvalid), Detail: detail,
	})
}

// check refuses what the consumers behind the door would refuse, as far as the
// message alone tells. Fault: deadletter.invalid.
func (d door) check(payload []byte) error {
	var list []events.ProblemError
	switch d.schema {
	case "submission":
		_, list = schemas.DecodeSubmission(payload)
	case "outcome":
		_, list = schemas.DecodeOutcome(payload)
	default:
		list = schemas.Validate(d.schema, payload)
	}
	if len(list) > 0 {
		return invalid(list...)
	}
	if d.schema == "submission" || d.schema == "command" {
		return nil // these name no job; the subject does
	}
	var says struct{ Tenant, Job, Step, Stage string }
	if err := json.Unmarshal(payload, &says); err != nil {
		return wrong("", "it cannot be read")
	}
	name, _, _ := strings.Cut(says.Stage, "@")
	for _, c := range []struct{ pointer, said, meant string }{
		{"/tenant", says.Tenant, d.tenant},
		{"/job", says.Job, d.job},
		{"/step", says.Step, d.step},
		{"/stage", name, d.stage},
	} {
		if c.meant != "" && c.said != c.meant {
			return wrong(c.pointer, "the subject says "+c.meant)
		}
	}
	return nil
}

// forward makes the message that is published again of a letter and a payload, and
// names the job that a submission makes. Faults: deadletter.no_door,
// deadletter.invalid, deadletter.key_changed.
func (l *letter) forward(payload []byte) (out bus.Out, job string, err error) {
	d, err := doorOf(l.Subject)
	if err != nil {
		return out, "", err
	}
	if d.tenant != l.tenant {
		return out, "", fault.New(fault.DeadletterNoDoor, fault.Clip(l.Subject, 200), nil)
	}
	out = bus.Out{Subject: l.Subject, Header: carried(l.Headers), Data: payload}
	if d.schema == "submission" {
		if job, err = l.keepIdentity(d, &out); err != nil {
			return out, "", err
		}
	}
	if err := d.check(out.Data); err != nil {
		return out, "", err
	}
	out.ID = events.RedriveID(l.id, l.at, out.Data)
	return out, job, nil
}

// carried are the headers that go with the message again. What speaks to the broker
// or to whoever waited for an answer then is left out.
func carried(headers map[string][]string) map[string]string {
	out := map[string]string{events.HeaderContentType: events.ContentTypeJSON}
	for name, values := range headers {
		lower := strings.ToLower(name)
		switch {
		case len(values) == 0, strings.HasPrefix(lower, "nats-"),
			strings.EqualFold(name, events.HeaderReplyTo), strings.EqualFold(name, events.HeaderPlace),
			lower == "status", lower == "description":
			continue
		}
		out[name] = values[0]
	}
	return out
}

// compact writes edited data in the one form in which it is compared and kept.
// Fault: deadletter.invalid.
func compact(data []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		return nil, wrong("", "it is not JSON")
	}
	return b.Bytes(), nil
}
