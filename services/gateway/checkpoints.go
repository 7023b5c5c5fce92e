package gateway

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

// getCheckpoints answers with the checkpoints of a step that are kept, without the
// state of the stage in them.
func (g *Gateway) getCheckpoints(x *exchange) error {
	key, err := x.checkpointKey()
	if err != nil {
		return err
	}
	list := api.CheckpointList{Job: key.Job, Step: key.Step, Checkpoints: []api.Checkpoint{}}
	scan := bus.Scan{
		Stream:  events.StreamCheckpoints,
		Filters: []string{events.CheckpointSubject(key.Tenant, key.Job, key.Step)},
	}
	err = g.Bus.Scan(x.r.Context(), scan, func(m *bus.Message) error {
		c := checkpointOf(key, m)
		c.State = nil
		list.Checkpoints = append(list.Checkpoints, c)
		return nil
	})
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, list)
}

// getCheckpoint answers with one of them. Fault: checkpoint.none.
func (g *Gateway) getCheckpoint(x *exchange) error {
	key, err := x.checkpointKey()
	if err != nil {
		return err
	}
	none := fault.New(fault.CheckpointNone, "step "+key.Step+" keeps none at "+fault.Clip(x.r.PathValue("position"), 40), nil)
	position, err := strconv.ParseUint(x.r.PathValue("position"), 10, 64)
	if err != nil || position == 0 {
		return none
	}
	m, err := g.Bus.Get(x.r.Context(), events.StreamCheckpoints, position)
	if fault.Has(err, fault.BusNotFound) {
		return none
	}
	if err != nil {
		return err
	}
	if m.Subject != events.CheckpointSubject(key.Tenant, key.Job, key.Step) {
		return none
	}
	return x.json(http.StatusOK, checkpointOf(key, m))
}

// checkpointKey names the chain that the request is about. Faults: job.not_found, also
// for a step that the job does not have, and those of the bus.
func (x *exchange) checkpointKey() (k checkpoint.Key, err error) {
	k = checkpoint.Key{Tenant: x.tenant, Job: x.r.PathValue("id"), Step: x.r.PathValue("step")}
	m, err := x.g.lastRecord(x.r.Context(), k.Tenant, k.Job)
	if err != nil {
		return k, err
	}
	rec, err := decodeRecord(m)
	if err != nil {
		return k, err
	}
	if _, ok := rec.Job.Steps[k.Step]; !ok {
		return k, fault.New(fault.JobNotFound, k.Job+" has no step "+fault.Clip(k.Step, 100), nil)
	}
	return k, nil
}

// checkpointOf is what people see of a record. Of one that is damaged they see that.
func checkpointOf(k checkpoint.Key, m *bus.Message) api.Checkpoint {
	shown := api.Checkpoint{Position: m.Sequence, Time: m.Time}
	c, err := checkpoint.Decode(k, m.Data)
	if err != nil {
		shown.Damage = err.Error()
		return shown
	}
	return api.Checkpoint{
		Position: m.Sequence, Kind: c.Kind, Number: c.Saves, Attempt: c.Attempt, Worker: c.Worker,
		Stage: c.Stage, Logic: c.Logic, Time: c.Time,
		Done: c.Done, Total: c.Total, Percent: checkpoint.Percent(c.Done, c.Total),
		Decision: c.Decision, Reason: c.Reason, Cause: c.Cause,
		Outputs: slices.Sorted(maps.Keys(c.Outputs)), State: c.State, StateVersion: c.Version,
	}
}
