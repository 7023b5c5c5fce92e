package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// decision is a decision about the job as it is shown.
func (s *subject) decision(d events.DecisionRecord) api.Decision {
	at, _ := flow.ParseDecisionID(d.ID)
	st := s.rec.Job.Steps[at.Step]
	shown := api.Decision{
		ID: d.ID, Version: versionOf(d), Job: at.Job, State: s.rec.Job.State,
		Pipeline: s.rec.Job.Pipeline.Name, Step: at.Step, Undo: at.Undo, Stage: st.Stage,
		OpenedAt: d.OpenedAt, DueAt: d.DueAt, Default: d.Default, Overdue: d.Overdue,
		Fault: d.Fault, Attempts: d.Attempts, Checkpoint: d.Checkpoint, Made: d.Made,
	}
	if d.Made != nil {
		return shown
	}
	shown.Effect = st.Effect
	for _, c := range flow.Choices(s.plan, s.rec.Job, d) {
		shown.Choices = append(shown.Choices, api.DecisionOption{Choice: c, Means: flow.Means(c)})
	}
	return shown
}

// versionOf is what tells one state of a decision from another. What else happens to
// the job meanwhile is no part of it.
func versionOf(d events.DecisionRecord) string {
	if d.Made != nil {
		return strconv.Itoa(d.Asked) + "-made"
	}
	return strconv.Itoa(d.Asked)
}

// postDecision settles a decision and answers with it when that has taken effect, or
// as it is when that takes long. One that has been made is refused with who made it,
// and one that has changed since it was looked at with that.
func (g *Gateway) postDecision(x *exchange) error {
	answer, err := x.decisionAnswer()
	if err != nil {
		return err
	}
	tag := strings.TrimSpace(x.r.Header.Get("If-Match"))
	if tag == "" || tag == "*" {
		return fault.New(fault.DecisionNoRevision, "", nil)
	}
	id := x.r.PathValue("id")
	s, d, err := x.decision(id)
	if err != nil {
		return err
	}
	cmd, err := s.chooses(*d, answer, tag)
	if err != nil {
		return err
	}
	cmd.By = x.by("")
	if _, err := flow.Apply(s.plan, s.rec.Job, events.Input{Control: &cmd}, flow.Env{Now: time.Now()}); err != nil {
		return s.refuses(err)
	}
	if err := x.act(answer.Reason, string(answer.Choice)); err != nil {
		return err
	}
	if _, err = g.command(x, s.m, cmd); err != nil {
		return err
	}
	if s, d, err = x.decision(id); err != nil {
		return err
	}
	return x.showDecision(http.StatusAccepted, s.decision(*d))
}

// chooses returns the command for what was answered. Faults: decision.made,
// decision.stale, decision.bad_choice.
func (s *subject) chooses(d events.DecisionRecord, answer api.DecisionAnswer, tag string) (events.Command, error) {
	if d.Made != nil {
		return events.Command{}, fault.New(fault.DecisionMade, d.ID+": "+flow.MadeText(*d.Made), nil)
	}
	if !matches(tag, `"`+versionOf(d)+`"`) {
		return events.Command{}, fault.New(fault.DecisionStale, "it is "+versionOf(d)+" now", nil)
	}
	offered := flow.Choices(s.plan, s.rec.Job, d)
	cmd, ok := flow.Choosing(d.ID, answer.Choice)
	if !ok || !slices.Contains(offered, answer.Choice) {
		var words []string
		for _, c := range offered {
			words = append(words, string(c))
		}
		return cmd, fault.New(fault.DecisionBadChoice,
			strconv.Quote(fault.Clip(string(answer.Choice), 40))+"; choose one of "+strings.Join(words, ", "), nil)
	}
	cmd.Reason = answer.Reason
	return cmd, nil
}

// decisionAnswer reads the body. Fault: http.bad_request.
func (x *exchange) decisionAnswer() (a api.DecisionAnswer, err error) {
	data, err := x.readBody(maxCommand)
	if err != nil {
		return a, err
	}
	if t := x.mediaType(); t != events.ContentTypeJSON {
		return a, fault.New(fault.HTTPUnsupportedMediaType, `send application/json: {"choice":"retry","reason":"…"}`, nil)
	}
	f, err := readFields(data)
	if err != nil {
		return a, badRequest("the body is not a JSON object")
	}
	for _, name := range f.names {
		if name != "choice" && name != "reason" {
			return a, badRequest("there is no member " + strconv.Quote(name) + "; there are choice and reason")
		}
	}
	choice, err := f.text("choice")
	if err != nil || choice == "" {
		return a, badRequest("choice is not one of the words that the decision offers")
	}
	a.Choice = events.DecisionChoice(choice)
	if a.Reason, err = f.text("reason"); err != nil {
		return a, badRequest("reason is not a text")
	}
	return a, checkReason(a.Reason)
}
