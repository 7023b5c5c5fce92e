package client

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// Cancel asks that a job stops and takes back what it did. It returns the job when
// the command has taken effect, or as it is when that takes long. Faults:
// job.not_found; job.not_allowed when the job's state forbids it, and then the
// [Problem] lists what is allowed; those of http and client.
func (c *Client) Cancel(ctx context.Context, id, reason string) (*api.Job, error) {
	return c.Order(ctx, id, events.VerbCancel, api.Order{Reason: reason})
}

// Retry gives all that is in attention another budget, and does not wait for the
// next attempt of the rest. It returns and fails like [Client.Cancel].
func (c *Client) Retry(ctx context.Context, id, reason string) (*api.Job, error) {
	return c.Order(ctx, id, events.VerbRetry, api.Order{Reason: reason})
}

// Settle is a Retry of a job in attention because nobody can tell whether an effect
// was done: it says what a person found out. It returns and fails like
// [Client.Cancel].
func (c *Client) Settle(ctx context.Context, id, reason string, effect events.Settlement) (*api.Job, error) {
	return c.Order(ctx, id, events.VerbRetry, api.Order{Reason: reason, Effect: effect})
}

// Abandon gives a job in attention up: it is compensated, or fails. It returns and
// fails like [Client.Cancel].
func (c *Client) Abandon(ctx context.Context, id, reason string) (*api.Job, error) {
	return c.Order(ctx, id, events.VerbAbandon, api.Order{Reason: reason})
}

// Pause lets a job finish what is queued and begin nothing new. It returns and fails
// like [Client.Cancel].
func (c *Client) Pause(ctx context.Context, id, reason string) (*api.Job, error) {
	return c.Order(ctx, id, events.VerbPause, api.Order{Reason: reason})
}

// Resume lets a job that is paused go on. It returns and fails like [Client.Cancel].
func (c *Client) Resume(ctx context.Context, id, reason string) (*api.Job, error) {
	return c.Order(ctx, id, events.VerbResume, api.Order{Reason: reason})
}

// Skip goes on without a step that is in attention or waits for its next attempt; a
// critical one must be forced. It returns and fails like [Client.Cancel].
func (c *Client) Skip(ctx context.Context, id, step, reason string, force bool) (*api.Job, error) {
	return c.Order(ctx, id, events.VerbSkip, api.Order{Reason: reason, Step: step, Force: force})
}

// Accept takes the undo of a step that failed for done, or all of them when step is
// empty. It needs a reason, and returns and fails like [Client.Cancel].
func (c *Client) Accept(ctx context.Context, id, step, reason string) (*api.Job, error) {
	return c.Order(ctx, id, events.VerbAccept, api.Order{Reason: reason, Step: step})
}

// RollbackPlan returns what a rollback of a job that has ended would do. Faults:
// job.not_found; job.not_allowed unless the job is completed or partial;
// rollback.nothing; those of http and client.
func (c *Client) RollbackPlan(ctx context.Context, id string) (*api.Rollback, error) {
	var r api.Rollback
	if err := c.get(ctx, jobPath(id)+"/rollback", nil, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// Rollback takes back what a job did that has ended. The order says the plan's
// digest, a reason, and whether what cannot be taken back may stay; revision is that
// of the plan. It returns like [Client.Cancel]. Faults: job.stale_revision and
// rollback.stale_plan when the plan is of another state; rollback.no_reason;
// rollback.irreversible; those of [Client.RollbackPlan].
func (c *Client) Rollback(ctx context.Context, id string, revision uint64, o api.Order) (*api.Job, error) {
	return c.order(ctx, id, events.VerbRollback, o, revision)
}

// Explain returns why a job and its steps stand where they stand, and what would
// move them. Faults: job.not_found, those of http and client.
func (c *Client) Explain(ctx context.Context, id string) (*api.Explanation, error) {
	var e api.Explanation
	if err := c.get(ctx, jobPath(id)+"/explain", nil, &e); err != nil {
		return nil, err
	}
	return &e, nil
}

// Order asks a job for what verb says; the methods above say it for the usual cases.
// A member that the verb does not take is refused with http.bad_request. It returns
// and fails like [Client.Cancel].
func (c *Client) Order(ctx context.Context, id string, verb events.Verb, o api.Order) (*api.Job, error) {
	return c.order(ctx, id, verb, o, 0)
}

// OrderAt is [Client.Order] for who has looked at the job before, in that revision:
// when it has moved since, nothing is done. It is not asked a second time when the
// answer is lost: read the job then. Fault besides those of Order: job.stale_revision.
func (c *Client) OrderAt(
	ctx context.Context, id string, revision uint64, verb events.Verb, o api.Order,
) (*api.Job, error) {
	return c.order(ctx, id, verb, o, revision)
}

// order is Order of one revision of the job, or of any when that is 0.
func (c *Client) order(
	ctx context.Context, id string, verb events.Verb, o api.Order, revision uint64,
) (*api.Job, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return nil, fault.New(fault.HTTPBadRequest, "encode the command", err)
	}
	h := jsonHeader()
	if revision > 0 {
		h.Set("If-Match", etag(revision))
	}
	var j api.Job
	err = c.json(ctx, call{
		method: http.MethodPost, path: jobPath(id) + "/" + string(verb), body: body, header: h,
		// Asking a second time for these does no harm, unless the first has moved the job
		// away from the revision.
		once: revision > 0 || verb != events.VerbCancel && verb != events.VerbPause,
	}, &j)
	if err != nil {
		return nil, err
	}
	return &j, nil
}
