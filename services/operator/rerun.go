package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/pkg/rerun"
	"github.com/millrace/millrace/schemas"
)

// askAgain is how long no answer to a request for a rerun is waited for before it is
// made again.
const askAgain = 3 * time.Second

// checkRerun returns what is wrong with how jobs are to be run again.
func checkRerun(r *api.OperationRequest) (list []events.ProblemError) {
	complain := func(pointer, detail string) {
		list = append(list, events.ProblemError{Pointer: pointer, Code: string(fault.OperationInvalid), Detail: detail})
	}
	if r.Rerun == nil {
		return nil
	}
	if r.Verb != api.OperationRerun {
		complain("/rerun", "it is for rerun")
	}
	data, err := json.Marshal(r.Rerun.Submission("any", "", "", ""))
	if err != nil {
		complain("/rerun", "it is not JSON")
		return list
	}
	for _, e := range schemas.Validate("submission", data) {
		pointer := e.Pointer
		if pointer == "/params" {
			pointer = "/rerun/params"
		}
		complain(pointer, e.Detail)
	}
	return list
}

// moved returns the job whose records show what became of an item.
func (r *runner) moved(n int) string {
	if r.head.Request.Verb != api.OperationRerun {
		return r.ledger.ids[n]
	}
	return events.JobID(r.head.Tenant, r.rerunKey(n))
}

// rerunKey is the idempotency key of the job that runs an item's job again.
func (r *runner) rerunKey(n int) string { return r.by() + "/" + r.ledger.ids[n] }

// rerunOf is what is handed in to run an item's job again.
func (r *runner) rerunOf(n int) events.Submission {
	o := r.head.Request.Rerun
	if o == nil {
		o = &api.RerunOptions{}
	}
	return o.Submission(r.ledger.ids[n], r.rerunKey(n), r.head.Request.Reason, r.by())
}

// considerRerun is consider for a rerun.
func (r *runner) considerRerun(ctx context.Context, n int, j *found) (*flight, bus.Out, error) {
	reused, steps, err := r.foreseeRerun(ctx, n, j)
	switch {
	case transient(err):
		return nil, bus.Out{}, err
	case err != nil:
		r.refuse(n, err)
	case r.head.Request.DryRun:
		r.ledger.set(n, func(res *result) {
			res.State, res.JobState = api.ItemDone, j.rec.Job.State
			res.Detail = fmt.Sprintf("at least %d of %d steps are reused", reused, steps)
		})
	default:
		out, err := r.rerunMessage(n, j.rec.Job.Pipeline.Name)
		return &flight{n: n, job: r.moved(n), next: j.sequence + 1}, out, err
	}
	return nil, bus.Out{}, nil
}

// foreseeRerun asks the machine what a rerun would be. It returns of how many of its
// steps it is certain that they are reused.
func (r *runner) foreseeRerun(ctx context.Context, n int, j *found) (reused, of int, err error) {
	if err := r.still(j.rec.Job.State); err != nil {
		return 0, 0, err
	}
	ask := r.rerunOf(n)
	reader := rerun.Reader{Records: r.Bus, Pipelines: r.Pipelines, Artifacts: r.Artifacts}
	f, err := reader.Read(ctx, r.head.Tenant, &ask)
	if err != nil {
		return 0, 0, err
	}
	if list := f.Complaints(); len(list) > 0 {
		return 0, 0, fault.New(fault.Code(list[0].Code), list[0].Pointer+": "+list[0].Detail, nil)
	}
	steps, err := flow.PlanRerun(f.Definition.Plan, f.Accepted())
	for _, s := range steps {
		if s.Decision == flow.DecisionReuse {
			reused++
		}
	}
	return reused, len(steps), err
}

// rerunMessage makes the message that asks for a rerun. It may be published more than
// one time: its key stands for one job.
func (r *runner) rerunMessage(n int, pipeline string) (bus.Out, error) {
	data, err := json.Marshal(r.rerunOf(n))
	if err != nil {
		return bus.Out{}, fault.New(fault.InternalBug, "encode a submission", err)
	}
	return bus.Out{
		Subject: events.SubmitSubject(r.head.Tenant, pipeline), ID: r.commandID(n), Data: data,
		Header: map[string]string{
			events.HeaderContentType: events.ContentTypeJSON,
			events.HeaderReplyTo:     r.answers.inbox + "." + strconv.Itoa(n),
		},
	}, nil
}

// lookAtRerun looks for the job that was asked for, and for the answer.
func (r *runner) lookAtRerun(ctx context.Context, f *flight) error {
	p, answered := r.answers.take(f.n)
	if err := r.walk(ctx, f); err != nil {
		return err
	}
	switch {
	case f.applied:
		r.ledger.set(f.n, func(res *result) { res.Job = f.job })
		r.rest(f)
	case answered && p.Code != "" && !p.Retryable:
		r.ledger.set(f.n, func(res *result) {
			res.State, res.Code, res.Detail = api.ItemRefused, p.Code, fault.Clip(p.Detail, 200)
		})
		delete(r.flights, f.n)
	case !f.doubt && time.Since(f.sent) > r.Patience:
		r.fail(f.n, fault.New(fault.OperationTimedOut, "", nil))
		r.sample(f, true)
		delete(r.flights, f.n)
	case f.doubt || time.Since(f.asked) > askAgain:
		return r.askForRerun(ctx, f)
	}
	return nil
}

// askForRerun asks for a rerun again: whether it was asked for is not known, or nobody
// has answered.
func (r *runner) askForRerun(ctx context.Context, f *flight) error {
	j, err := r.job(ctx, r.head.Tenant, r.ledger.ids[f.n])
	if fault.Has(err, fault.JobNotFound) {
		r.refuse(f.n, err)
		delete(r.flights, f.n)
		return nil
	}
	if err != nil {
		return err
	}
	out, err := r.rerunMessage(f.n, j.rec.Job.Pipeline.Name)
	if err != nil {
		return err
	}
	if err := r.Bus.Publish(ctx, out); err != nil {
		return err
	}
	f.doubt, f.asked = false, time.Now()
	return nil
}
