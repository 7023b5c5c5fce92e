package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/identity"
)

// postCommand asks something of a job and waits for a moment for the effect. It
// answers 202 when the command has taken effect or will, 200 when there was nothing
// to do any more, and 409, with what is allowed instead, when the job's state
// forbids it. With If-Match it is about that revision of the job alone.
func (g *Gateway) postCommand(x *exchange) error {
	cmd := events.Command{Verb: events.Verb(path.Base(x.r.URL.Path)), By: x.by("")}
	if err := x.order(&cmd); err != nil {
		return err
	}
	if cmd.Effect != "" { // only a person can know
		if err := x.may(identity.Decide); err != nil {
			return err
		}
	}
	s, err := x.subject()
	if err != nil {
		return err
	}
	changes, err := x.foresee(s, cmd)
	if err != nil {
		return s.refuses(err)
	}
	if !changes {
		return x.job(http.StatusOK, s.m)
	}
	if err := x.act(cmd.Reason, commandDetail(cmd)); err != nil {
		return err
	}
	m, err := g.command(x, s.m, cmd)
	if err != nil {
		return err
	}
	return x.job(http.StatusAccepted, m)
}

// commandDetail is what the audit says of a command besides its verb.
func commandDetail(cmd events.Command) string {
	var words []string
	if cmd.Step != "" {
		words = append(words, "step "+cmd.Step)
	}
	if cmd.Effect != "" {
		words = append(words, "effect "+string(cmd.Effect))
	}
	if cmd.Plan != "" {
		words = append(words, "plan "+cmd.Plan)
	}
	if cmd.Force {
		words = append(words, "force")
	}
	if cmd.Irreversible {
		words = append(words, "accepts what cannot be undone")
	}
	return strings.Join(words, ", ")
}

// foresee asks the machine itself what a command would do to the job as it is: the
// conductor decides again, on the state that it finds. What is done already is no
// mistake, whichever revision it was meant for. Faults: job.not_allowed and those of
// a rollback; job.no_revision, job.stale_revision.
func (x *exchange) foresee(s *subject, cmd events.Command) (changes bool, err error) {
	tag := strings.TrimSpace(x.r.Header.Get("If-Match"))
	if cmd.Verb == events.VerbRollback && (tag == "" || tag == "*") {
		return false, fault.New(fault.JobNoRevision, "a rollback is of the revision that its plan was made for", nil)
	}
	if cmd.Verb == events.VerbCancel && settled(s.rec.Job) {
		return false, nil
	}
	t, err := flow.Apply(s.plan, s.rec.Job, events.Input{Control: &cmd}, flow.Env{Now: time.Now()})
	if err == nil && !t.Changed {
		return false, nil
	}
	if cmd.Decision == "" && tag != "" && !matches(tag, etagOf(s.m)) {
		return false, fault.New(fault.JobStaleRevision, "it is at revision "+etagOf(s.m)+" now", nil)
	}
	return err == nil, err
}

// settled reports whether a job is cancelled, or about to be, so that cancelling it
// once more is no mistake.
func settled(j events.Job) bool {
	return j.State == events.JobCancelled || j.State == events.JobCancelling ||
		j.State == events.JobCompensating && j.Goal == events.JobCancelled
}

// command publishes a command and returns the record that shows its effect, or the
// newest one when that takes long. Faults: job.not_allowed when the job ended first,
// and those of foresee when something else has come first.
func (g *Gateway) command(x *exchange, before *bus.Message, cmd events.Command) (*bus.Message, error) {
	ctx, cancel := context.WithTimeout(x.r.Context(), g.Limits.CommandTimeout)
	defer cancel()
	id := jobOf(before)
	newest, applied, ended := before, false, false
	mark := events.CommandMark(events.CommandID(x.tenant, id, cmd, revisionOf(before)))
	f, err := g.follow(g.Bus, x.tenant, id, before.Sequence, func(m *bus.Message) error {
		newest = m
		rec, err := decodeRecord(m)
		if err != nil {
			return err
		}
		// A later record shows it as well: the one that it made may not have been seen.
		applied = slices.Contains(rec.Job.Commands, mark)
		// The job may have been final before; what comes later has moved it.
		ended = flow.Final(rec.Job.State)
		if applied || ended {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	defer f.close()
	if err := g.publishCommand(ctx, x.tenant, id, revisionOf(before), cmd); err != nil {
		return nil, err
	}
	err = f.run(ctx, nil, &besides{every: recheck, tick: func() error { return nil }})
	switch {
	case x.r.Context().Err() != nil:
		return nil, x.r.Context().Err()
	case applied:
		return newest, nil
	case ended, errors.Is(err, context.DeadlineExceeded) && newest != before:
		return x.overtaken(newest, cmd, ended)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errEnough):
		return newest, nil
	}
	return nil, err
}

// overtaken is what becomes of a command whose effect was not seen while the job
// has moved on: a refusal when the job does not take it any more.
func (x *exchange) overtaken(m *bus.Message, cmd events.Command, ended bool) (*bus.Message, error) {
	s, err := x.subjectOf(m)
	if err != nil {
		return nil, err
	}
	if ended && cmd.Decision == "" {
		return nil, s.refuses(fault.New(fault.JobNotAllowed,
			string(cmd.Verb)+" job "+s.rec.Job.ID+": it ended first, in state "+string(s.rec.Job.State), nil))
	}
	if _, err := x.foresee(s, cmd); err != nil {
		return nil, s.refuses(err)
	}
	return m, nil
}

// publishCommand sends a command to the conductors. Its id names the revision it
// is meant for, so that a request that is repeated is one command.
func (g *Gateway) publishCommand(
	ctx context.Context, tenant, job string, revision uint64, cmd events.Command,
) error {
	data, err := json.Marshal(cmd)
	if err != nil {
		return fault.New(fault.InternalBug, "encode a command", err)
	}
	return g.Bus.Publish(ctx, bus.Out{
		Subject: events.ControlSubject(tenant, job),
		ID:      events.CommandID(tenant, job, cmd, revision),
		Header:  map[string]string{events.HeaderContentType: events.ContentTypeJSON},
		Data:    data,
	})
}
