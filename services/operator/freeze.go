package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// freeze returns the ids of what a filter matches now, the oldest first. Fault:
// operation.too_wide.
func (o *Operator) freeze(ctx context.Context, tenant string, r *api.OperationRequest) ([]string, error) {
	var ids []string
	take := func(id string) error {
		if len(ids) == api.MaxItems {
			return fault.New(fault.OperationTooWide, fmt.Sprintf("the limit is %d", api.MaxItems), nil)
		}
		ids = append(ids, id)
		return nil
	}
	var err error
	switch {
	case len(r.Filter.IDs) > 0:
		return o.freezeNamed(ctx, tenant, r)
	case r.Verb == api.OperationRedrive:
		err = o.freezeLetters(ctx, tenant, r.Filter, take)
	default:
		err = o.freezeJobs(ctx, tenant, r.Filter, take)
	}
	slices.Reverse(ids)
	return ids, err
}

func (o *Operator) freezeJobs(
	ctx context.Context, tenant string, f api.OperationFilter, take func(string) error,
) error {
	q := api.JobQuery{
		States: f.States, Pipeline: f.Pipeline, Labels: f.Labels, Fault: f.Code,
		Since: f.Since, Until: f.Until, Limit: api.MaxLimit,
	}
	for {
		page, err := o.Jobs.List(ctx, tenant, q)
		if err != nil {
			return err
		}
		for _, it := range page.Jobs {
			if err := take(it.ID); err != nil {
				return err
			}
		}
		if page.NextCursor == "" {
			return nil
		}
		q.Cursor = page.NextCursor
	}
}

func (o *Operator) freezeLetters(
	ctx context.Context, tenant string, f api.OperationFilter, take func(string) error,
) error {
	q := api.DeadLetterQuery{
		Consumer: f.Consumer, Code: f.Code, Since: f.Since, State: api.DeadOpen, Limit: api.MaxLimit,
	}
	for {
		page, err := o.dead.List(ctx, tenant, q)
		if err != nil {
			return err
		}
		for _, l := range page.DeadLetters {
			if !f.Until.IsZero() && !l.Time.Before(f.Until) {
				continue
			}
			if err := take(l.ID); err != nil {
				return err
			}
		}
		if page.NextCursor == "" {
			return nil
		}
		q.Cursor = page.NextCursor
	}
}

// freezeNamed keeps those of the named ones of which the rest of the filter holds, in
// the order in which they are named. One that is not there is kept as well: its
// result says so.
func (o *Operator) freezeNamed(
	ctx context.Context, tenant string, r *api.OperationRequest,
) ([]string, error) {
	var ids []string
	seen := make(map[string]bool, len(r.Filter.IDs))
	for _, id := range r.Filter.IDs {
		if seen[id] {
			continue
		}
		seen[id] = true
		holds, err := o.holds(ctx, tenant, r, id)
		if err != nil {
			return nil, err
		}
		if holds {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// holds reports whether the rest of a filter is true of something that it names.
func (o *Operator) holds(
	ctx context.Context, tenant string, r *api.OperationRequest, id string,
) (bool, error) {
	f := r.Filter
	if r.Verb == api.OperationRedrive {
		if _, err := strconv.ParseUint(id, 10, 64); err != nil {
			return true, nil
		}
		l, err := o.dead.Get(ctx, tenant, id)
		if err != nil {
			return fault.Has(err, fault.DeadletterNotFound), ignore(err, fault.DeadletterNotFound)
		}
		return (f.Code == "" || l.Code == f.Code) && (f.Consumer == "" || l.Consumer == f.Consumer) &&
			(f.Since.IsZero() || !l.Time.Before(f.Since)) && (f.Until.IsZero() || l.Time.Before(f.Until)), nil
	}
	if len(f.States) == 0 && f.Pipeline == "" && len(f.Labels) == 0 && f.Code == "" &&
		f.Since.IsZero() && f.Until.IsZero() {
		return true, nil
	}
	j, err := o.job(ctx, tenant, id)
	if err != nil {
		return fault.Has(err, fault.JobNotFound), ignore(err, fault.JobNotFound)
	}
	return matches(f, j.rec.Job), nil
}

func matches(f api.OperationFilter, j events.Job) bool {
	switch {
	case len(f.States) > 0 && !slices.Contains(f.States, j.State),
		f.Pipeline != "" && j.Pipeline.Name != f.Pipeline,
		f.Code != "" && !hasCode(j, f.Code),
		!f.Since.IsZero() && j.AcceptedAt.Before(f.Since),
		!f.Until.IsZero() && !j.AcceptedAt.Before(f.Until):
		return false
	}
	for label, value := range f.Labels {
		if got, ok := j.Labels[label]; !ok || got != value {
			return false
		}
	}
	return true
}

// hasCode reports whether a job, or one of its steps, has a fault.
func hasCode(j events.Job, code string) bool {
	for _, f := range flow.Faults(j) {
		if f.Code == code {
			return true
		}
	}
	return false
}

func ignore(err error, code fault.Code) error {
	if fault.Has(err, code) {
		return nil
	}
	return err
}

// found is a job's newest record.
type found struct {
	sequence uint64
	rec      events.Record
}

// job reads a job. Fault: job.not_found.
func (o *Operator) job(ctx context.Context, tenant, id string) (*found, error) {
	m, err := o.Bus.Last(ctx, events.StreamEvents, events.HistoryFilter(tenant, id))
	if fault.Has(err, fault.BusNotFound) {
		return nil, fault.New(fault.JobNotFound, fault.Clip(id, 100), nil)
	}
	if err != nil {
		return nil, err
	}
	f := &found{sequence: m.Sequence}
	if err := json.Unmarshal(m.Data, &f.rec); err != nil {
		return nil, fault.New(fault.InternalBug, "decode a record of job "+id, err)
	}
	return f, nil
}
