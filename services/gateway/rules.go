package gateway

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/rulebook"
	"github.com/millrace/millrace/schemas"
)

// maxBy is how long the name may be of who changes a rule, in bytes.
const maxBy = 255

// rulebook opens the rules. They hold for the whole mill, whatever the tenant of the
// request.
func (g *Gateway) rulebook(ctx context.Context) (*rulebook.Book, error) {
	kv, err := g.Bus.KV(ctx, events.BucketRules)
	if err != nil {
		return nil, err
	}
	var stages []string
	for _, s := range g.Stages {
		stages = append(stages, s.Name)
	}
	return rulebook.New(kv, rulebook.Options{Stages: stages, Log: g.Log}), nil
}

// getRules answers with the rules that are in force.
func (g *Gateway) getRules(x *exchange) error {
	b, err := g.rulebook(x.r.Context())
	if err != nil {
		return err
	}
	list, err := b.List(x.r.Context())
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, api.RuleList{Rules: append([]events.Rule{}, list...)})
}

// getRule answers with a rule that is in force.
func (g *Gateway) getRule(x *exchange) error {
	b, err := g.rulebook(x.r.Context())
	if err != nil {
		return err
	}
	r, err := b.Get(x.r.Context(), x.r.PathValue("name"))
	if err != nil {
		return err
	}
	x.w.Header().Set("ETag", etag(r.Revision))
	return x.json(http.StatusOK, r)
}

// putRule makes a rule, or puts it in the place of the one with its name. With
// If-None-Match: * none may be in force, with If-Match it must be that revision.
func (g *Gateway) putRule(x *exchange) error {
	when, err := x.ruleCase()
	if err != nil {
		return err
	}
	r, err := x.ruleBody()
	if err != nil {
		return err
	}
	b, err := g.rulebook(x.r.Context())
	if err != nil {
		return err
	}
	x.deed.By = r.By
	if err := x.act(r.Reason, ""); err != nil {
		return err
	}
	set, created, warnings, err := b.Set(x.r.Context(), r, when)
	if err != nil {
		return refusedRule(err)
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	x.w.Header().Set("Location", "/v1/rules/"+set.Name)
	x.w.Header().Set("ETag", etag(set.Revision))
	return x.json(status, api.RuleSet{Rule: set, Created: created, Warnings: warnings})
}

// deleteRule ends a rule. The query says why and, if it likes, by whom.
func (g *Gateway) deleteRule(x *exchange) error {
	when, err := x.ruleCase()
	if err != nil {
		return err
	}
	query := x.r.URL.Query()
	by, reason := query.Get("by"), query.Get("reason")
	if err := checkReason(reason); err != nil {
		return err
	}
	if len(by) > maxBy || !utf8.ValidString(by) {
		return badRequest("by is not a text of at most 255 bytes")
	}
	by = x.by(by)
	b, err := g.rulebook(x.r.Context())
	if err != nil {
		return err
	}
	x.deed.By = by
	if err := x.act(reason, ""); err != nil {
		return err
	}
	change, err := b.Remove(x.r.Context(), x.r.PathValue("name"), by, reason, when)
	if err != nil {
		return refusedRule(err)
	}
	return x.json(http.StatusOK, change)
}

// getRuleHistory answers with what was done to a rule.
func (g *Gateway) getRuleHistory(x *exchange) error {
	b, err := g.rulebook(x.r.Context())
	if err != nil {
		return err
	}
	list, err := b.History(x.r.Context(), x.r.PathValue("name"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, api.RuleHistory{Changes: append([]events.RuleChange{}, list...)})
}

// ruleCase reads in which case a rule is to be changed.
func (x *exchange) ruleCase() (when rulebook.When, err error) {
	revision, err := x.statedRevision()
	if err != nil {
		return when, err
	}
	if revision != nil {
		when.Revision = *revision
	}
	switch strings.TrimSpace(x.r.Header.Get("If-None-Match")) {
	case "":
	case "*":
		when.New = true
	default:
		return when, badRequest("If-None-Match takes nothing but *")
	}
	if when.New && when.Revision != 0 {
		return when, badRequest("If-Match and If-None-Match contradict each other")
	}
	return when, nil
}

// ruleBody reads the rule of a request, whose name is that of the address.
func (x *exchange) ruleBody() (events.Rule, error) {
	if x.mediaType() != events.ContentTypeJSON {
		return events.Rule{}, fault.New(fault.HTTPUnsupportedMediaType, "send application/json", nil)
	}
	data, err := x.readBody(maxCommand)
	if err != nil {
		return events.Rule{}, err
	}
	r, list := schemas.DecodeRule(data)
	name := x.r.PathValue("name")
	if list == nil && r.Name != "" && r.Name != name {
		list = append(list, events.ProblemError{
			Pointer: "/name", Code: string(fault.RuleInvalid), Detail: "the address has another name",
		})
	}
	if list != nil {
		return events.Rule{}, refusedRule(&rulebook.Refusal{List: list})
	}
	r.Name, r.By = name, x.by(r.By)
	return r, nil
}

// refusedRule lists everything that is wrong with a rule.
func refusedRule(err error) error {
	var r *rulebook.Refusal
	if !errors.As(err, &r) {
		return err
	}
	return withErrors(fault.RuleInvalid, fault.From(err).Detail, r.List)
}

// etag is a revision as an entity tag.
func etag(revision uint64) string { return `"` + strconv.FormatUint(revision, 10) + `"` }
