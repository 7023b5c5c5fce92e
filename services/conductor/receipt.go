package conductor

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// replyAllowed reports whether a submitter may have an answer sent to a subject.
// The conductor may publish where a submitter may not, so nothing that belongs
// to Millrace or to the broker can be named, and nothing with a wildcard.
func replyAllowed(subject string) bool {
	if len(subject) > 256 || strings.ContainsAny(subject, "*> \t\r\n") {
		return false
	}
	for token := range strings.SplitSeq(subject, ".") {
		if token == "" {
			return false
		}
	}
	first, _, _ := strings.Cut(subject, ".")
	return first != events.Root && !strings.HasPrefix(first, "$")
}

// retryable reports whether the same submission may succeed later by itself.
func retryable(f *fault.Error) bool {
	switch f.Class() {
	case fault.Transient, fault.Timeout, fault.Resource, fault.DependencyDown,
		fault.RateLimited, fault.Unclassified:
		return true
	}
	return false
}

// reply sends a receipt or a problem. It may be lost; the submitter repeats.
func (c *Conductor) reply(subject string, body any) {
	if subject == "" {
		return
	}
	contentType := events.ContentTypeJSON
	if _, ok := body.(events.Problem); ok {
		contentType = events.ContentTypeProblem
	}
	data, err := json.Marshal(body)
	if err == nil {
		err = c.Broker.Send(subject, map[string]string{events.HeaderContentType: contentType}, data)
	}
	if err != nil {
		c.Log.Warn("receipt not sent", "error", err)
	}
}

// problem is an error as a submitter is told.
func problem(err error) events.Problem {
	f := fault.From(err)
	info := f.Code.Info()
	p := events.Problem{
		Type: "https://millrace.dev/faults/" + string(f.Code), Title: info.Text,
		Status: info.Status, Code: string(f.Code), Class: string(f.Class()),
		Retryable: retryable(f), Detail: f.Message(), Hint: info.Hint,
	}
	var list *complaints
	if errors.As(err, &list) {
		p.Errors = list.list
	}
	var reused *reusedError
	if errors.As(err, &reused) {
		p.Job = reused.job
	}
	return p
}
