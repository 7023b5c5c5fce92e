package operator

import (
	"context"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// controlTries bounds the races that one request may lose.
const controlTries = 8

// Stop stops an operation: nothing more is begun, and what is on its way is only
// looked after. It may be repeated. Faults: operation.not_found,
// operation.not_allowed when it is done.
func (o *Operator) Stop(ctx context.Context, tenant, id, reason, by string) (api.Operation, error) {
	why := "stopped by " + by
	if reason != "" {
		why += ": " + reason
	}
	return o.change(ctx, name{tenant, id}, func(h *head) (bool, error) {
		switch h.State {
		case api.OperationStopped:
			return false, nil
		case api.OperationDone:
			return false, fault.New(fault.OperationNotAllowed, "operation "+id+" is done", nil)
		}
		h.State, h.Why, h.Code, h.ChangedBy = api.OperationStopped, why, "", by
		return true, nil
	})
}

// Resume lets an operation go on that was stopped: slowly again, and with a fresh
// count of failures. It may be repeated. Faults: operation.not_found,
// operation.not_allowed when it is done.
func (o *Operator) Resume(ctx context.Context, tenant, id, by string) (api.Operation, error) {
	return o.change(ctx, name{tenant, id}, func(h *head) (bool, error) {
		switch h.State {
		case api.OperationRunning:
			return false, nil
		case api.OperationDone:
			return false, fault.New(fault.OperationNotAllowed, "operation "+id+" is done", nil)
		}
		h.State, h.Why, h.Code, h.ChangedBy = api.OperationRunning, "", "", by
		return true, nil
	})
}

// change moves an operation to another state, unless edit says that it need not.
func (o *Operator) change(
	ctx context.Context, n name, edit func(*head) (bool, error),
) (api.Operation, error) {
	for range controlTries {
		h, revision, err := o.store.head(ctx, n)
		if err != nil {
			return api.Operation{}, err
		}
		changed, err := edit(h)
		if err != nil {
			return api.Operation{}, err
		}
		if changed {
			h.ChangedAt = now()
			last := revision
			if revision, err = o.store.put(ctx, n.head(), h, last); fault.Has(err, fault.BusFenced) {
				continue
			}
			if err != nil {
				return api.Operation{}, err
			}
			o.Log.Info("operation changed", "operation", h.ID, "tenant", h.Tenant, "state", h.State,
				"by", h.ChangedBy, "why", h.Why, "code", h.Code)
		}
		return o.store.shown(ctx, h, revision)
	}
	return api.Operation{}, fault.New(fault.OperationNotAllowed, "others keep changing it", nil)
}
