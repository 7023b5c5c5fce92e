package operator

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/deadletter"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// dryBatch is how many items a dry run looks at in one step.
const dryBatch = 100

// admit begins as many items as may be begun.
func (r *runner) admit(ctx context.Context) error {
	most := r.head.Request.InFlight - len(r.flights)
	if r.probing() {
		most = min(most, 1-len(r.flights))
	}
	left := 0
	if !r.head.Request.DryRun {
		left = r.pace.take(time.Now(), min(most, len(r.ledger.ids)-r.next))
	} else {
		left = dryBatch
	}
	var batch []int
	for ; r.next < len(r.ledger.ids) && len(batch) < left; r.next++ {
		if r.ledger.results[r.next].State == "" {
			batch = append(batch, r.next)
		}
	}
	if len(batch) == 0 {
		return nil
	}
	err := r.send(ctx, batch)
	// Whatever has no result and is not on its way has its turn again.
	for _, n := range batch {
		if r.ledger.results[n].State == "" {
			r.next = min(r.next, n)
		}
	}
	return err
}

// send asks a batch of items: first it is written down that they are asked, then they
// are.
func (r *runner) send(ctx context.Context, batch []int) error {
	if r.head.Request.Verb == api.OperationRedrive {
		return r.redrive(ctx, batch)
	}
	var outs []bus.Out
	var flights []*flight
	for _, n := range batch {
		f, out, err := r.consider(ctx, n)
		if err != nil {
			return err
		}
		if f != nil {
			outs, flights = append(outs, out), append(flights, f)
		}
		if _, code := r.broken(); code != "" {
			// The first look at a job has shown what it needs. It is not asked.
			flights = slices.DeleteFunc(flights, func(f *flight) bool { return r.ledger.results[f.n].State == "" })
			outs = outs[:len(flights)]
			break
		}
		if f != nil {
			r.ledger.set(n, func(res *result) { res.State = api.ItemSent })
		}
	}
	if err := r.ledger.flush(ctx); err != nil {
		return err
	}
	for _, f := range flights {
		f.sent, f.asked, f.doubt = time.Now(), time.Now(), true
		r.flights[f.n] = f
	}
	if err := r.Bus.Publish(ctx, outs...); err != nil {
		return err // they stay in doubt
	}
	for _, f := range flights {
		f.doubt = false
	}
	return nil
}

// consider asks the machine what the command would do to an item's job as it is. It
// returns no flight when the item has its result: the job does not take it, or there
// is nothing to do.
func (r *runner) consider(ctx context.Context, n int) (*flight, bus.Out, error) {
	id := r.ledger.ids[n]
	j, err := r.job(ctx, r.head.Tenant, id)
	if fault.Has(err, fault.JobNotFound) {
		r.refuse(n, err)
		return nil, bus.Out{}, nil
	}
	if err != nil {
		return nil, bus.Out{}, err
	}
	for _, f := range flow.Faults(j.rec.Job) {
		if f.Dependency != "" {
			r.deps[f.Dependency] = true
		}
	}
	if r.head.Request.Verb == api.OperationRerun {
		return r.considerRerun(ctx, n, j)
	}
	cmd, changes, err := r.foresee(ctx, j)
	switch {
	case transient(err):
		return nil, bus.Out{}, err
	case err != nil:
		r.refuse(n, err)
	case r.head.Request.DryRun, !changes:
		r.ledger.set(n, func(res *result) {
			res.State, res.JobState = api.ItemDone, j.rec.Job.State
			if !changes {
				res.Detail = "nothing to do"
			}
		})
	default:
		out, err := r.command(n, cmd)
		return &flight{n: n, job: id, next: j.sequence + 1}, out, err
	}
	return nil, bus.Out{}, nil
}

// still refuses a job that is in none of the states that are asked for any more.
// Fault: operation.moved_on.
func (r *runner) still(s events.JobState) error {
	if states := r.head.Request.Filter.States; len(states) > 0 && !slices.Contains(states, s) {
		return fault.New(fault.OperationMovedOn, "it is "+string(s)+" now", nil)
	}
	return nil
}

// foresee returns the command for a job, and whether it changes anything. Faults:
// operation.moved_on, job.not_allowed, those of a rollback.
func (r *runner) foresee(ctx context.Context, j *found) (cmd events.Command, changes bool, err error) {
	req := &r.head.Request
	job := j.rec.Job
	if err := r.still(job.State); err != nil {
		return cmd, false, err
	}
	def, err := r.Pipelines.Version(ctx, r.head.Tenant, job.Pipeline.Digest)
	if err != nil {
		return cmd, false, err
	}
	cmd = events.Command{Verb: events.Verb(req.Verb), Reason: req.Reason, By: r.by()}
	if req.Verb == api.OperationRollback {
		plan, err := flow.Rollback(def.Plan, job)
		if err != nil {
			return cmd, false, err
		}
		cmd.Plan, cmd.Irreversible = plan.Digest, req.AcceptIrreversible
	}
	t, err := flow.Apply(def.Plan, job, events.Input{Control: &cmd}, flow.Env{Now: time.Now()})
	return cmd, t.Changed, err
}

// redrive publishes dead letters again. The mark of a letter says whether this
// operation has done it, so nothing need be written down before.
func (r *runner) redrive(ctx context.Context, batch []int) error {
	for _, n := range batch {
		if err := r.redriveOne(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) redriveOne(ctx context.Context, n int) error {
	id := r.ledger.ids[n]
	o := deadletter.Order{By: r.by(), Reason: r.head.Request.Reason, Key: r.by()}
	if r.head.Request.DryRun {
		err := r.dead.Check(ctx, r.head.Tenant, id, o)
		if err == nil {
			r.ledger.set(n, func(res *result) { res.State = api.ItemDone })
			return nil
		}
		return r.notRedriven(n, err)
	}
	l, again, err := r.dead.Redrive(ctx, r.head.Tenant, id, o)
	if err != nil {
		return r.notRedriven(n, err)
	}
	f := &flight{n: n, job: l.Done.Job, as: l.Done.As, next: r.head.Since + 1, sent: time.Now()}
	if f.job == "" {
		f.job = l.Job
	}
	r.ledger.set(n, func(res *result) { res.Job = f.job })
	r.apply(f)
	if again {
		f.sampled = true // how it ended may have been counted before
	}
	if f.job != "" {
		// A job that is there and rests is not set loose by it, as far as is known.
		j, err := r.job(ctx, r.head.Tenant, f.job)
		if err == nil && atRest(j.rec.Job.State) {
			f.at = j.rec.Job.State
		}
	}
	r.flights[n] = f
	return nil
}

// redriveAgain finishes a redrive that was begun before.
func (r *runner) redriveAgain(ctx context.Context, f *flight) error {
	delete(r.flights, f.n)
	return r.redriveOne(ctx, f.n)
}

// notRedriven notes why a letter was not published again.
func (r *runner) notRedriven(n int, err error) error {
	switch {
	case transient(err):
		return err
	case fault.Has(err, fault.DeadletterSettled), fault.Has(err, fault.DeadletterStaleRevision):
		r.refuse(n, err)
	default:
		r.fail(n, err)
	}
	return nil
}

func percent(n int) string { return strconv.Itoa(n) + "%" }
