package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// Limits of a command's body.
const (
	maxCommand = 16 << 10
	maxReason  = 1024
)

// commandBy is what the audit says of who asked, as long as nobody has to say who
// they are.
const commandBy = "http"

// postCommand asks something of a job and waits for a moment for the effect. It
// answers 202 when the command has taken effect or will, 200 when there was nothing
// to do any more, and 409 when the job's state forbids it.
func (g *Gateway) postCommand(x *exchange) error {
	id := x.r.PathValue("id")
	cmd := events.Command{Verb: events.Verb(path.Base(x.r.URL.Path)), By: commandBy}
	if err := x.order(&cmd); err != nil {
		return err
	}
	m, err := g.lastRecord(x.r.Context(), x.tenant, id)
	if err != nil {
		return err
	}
	changes, err := g.foresee(x, m, cmd)
	if err != nil {
		return err
	}
	if !changes {
		return x.job(http.StatusOK, m)
	}
	m, err = g.command(x, id, m, cmd)
	if err != nil {
		return err
	}
	return x.job(http.StatusAccepted, m)
}

// order reads the body of a command, which may be missing, into cmd.
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
	for _, name := range f.names {
		if name != "reason" && (name != "effect" || cmd.Verb != events.VerbRetry) {
			return badRequest("there is no member " + strconv.Quote(name) + "; there is reason, and effect to retry")
		}
	}
	cmd.Reason, err = f.text("reason")
	if err != nil || len(cmd.Reason) > maxReason || !utf8.ValidString(cmd.Reason) {
		return badRequest("reason is not a text of at most 1 KiB")
	}
	effect, err := f.text("effect")
	cmd.Effect = events.Settlement(effect)
	if err != nil || cmd.Effect != "" && cmd.Effect != events.SettleDone && cmd.Effect != events.SettleNotDone {
		return badRequest("effect is done or not_done")
	}
	return nil
}

// foresee asks the machine itself what a command would do to the job as it is: the
// conductor decides again, on the state that it finds. Faults: job.not_allowed.
func (g *Gateway) foresee(
	x *exchange, m *bus.Message, cmd events.Command,
) (changes bool, err error) {
	rec, err := decodeRecord(m)
	if err != nil {
		return false, err
	}
	def, err := g.Pipelines.Version(x.r.Context(), x.tenant, rec.Job.Pipeline.Digest)
	if err != nil {
		return false, err
	}
	if cmd.Verb == events.VerbCancel && settled(rec.Job) {
		return false, nil
	}
	t, err := flow.Apply(def.Plan, rec.Job, events.Input{Control: &cmd}, flow.Env{Now: time.Now()})
	if err != nil {
		return false, err
	}
	return t.Changed, nil
}

// settled reports whether a job is cancelled, or about to be, so that cancelling it
// once more is no mistake.
func settled(j events.Job) bool {
	return j.State == events.JobCancelled || j.State == events.JobCancelling ||
		j.State == events.JobCompensating && j.Goal == events.JobCancelled
}

// command publishes a command and returns the record that shows its effect, or the
// newest one when that takes long. Fault: job.not_allowed when the job ended first.
func (g *Gateway) command(
	x *exchange, id string, before *bus.Message, cmd events.Command,
) (*bus.Message, error) {
	ctx, cancel := context.WithTimeout(x.r.Context(), g.Limits.CommandTimeout)
	defer cancel()
	newest, applied := before, false
	f, err := g.follow(x.tenant, id, before.Sequence, func(m *bus.Message) error {
		newest = m
		rec, err := decodeRecord(m)
		if err != nil {
			return err
		}
		if c := rec.Input.Control; c != nil && c.Verb == cmd.Verb {
			applied = true
			return errEnough
		}
		if flow.Final(rec.Job.State) {
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
	err = f.run(ctx, &besides{every: recheck, tick: func() error { return nil }})
	switch {
	case x.r.Context().Err() != nil:
		return nil, x.r.Context().Err()
	case applied, errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, errEnough) && !isFinal(newest):
		return newest, nil
	case errors.Is(err, errEnough):
		return nil, fault.New(fault.JobNotAllowed,
			string(cmd.Verb)+" job "+id+": it ended first, in state "+string(stateOf(newest)), nil)
	}
	return nil, err
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
		ID:      events.CommandID(tenant, job, cmd.Verb, revision),
		Header:  map[string]string{events.HeaderContentType: events.ContentTypeJSON},
		Data:    data,
	})
}
