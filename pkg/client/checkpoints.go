package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// Checkpoints returns the checkpoints of a step that are kept, oldest first, without
// the state of the stage in them. Faults: job.not_found, also for a step that the job
// does not have, and those of http and client.
func (c *Client) Checkpoints(ctx context.Context, job, step string) ([]api.Checkpoint, error) {
	var list api.CheckpointList
	if err := c.get(ctx, checkpointPath(job, step), nil, &list); err != nil {
		return nil, err
	}
	return list.Checkpoints, nil
}

// Checkpoint returns one checkpoint of a step, with the state of the stage in it.
// Faults: checkpoint.none, which also means that newer ones have taken its place;
// those of [Client.Checkpoints].
func (c *Client) Checkpoint(ctx context.Context, job, step string, position uint64) (*api.Checkpoint, error) {
	var one api.Checkpoint
	path := checkpointPath(job, step) + "/" + strconv.FormatUint(position, 10)
	if err := c.get(ctx, path, nil, &one); err != nil {
		return nil, err
	}
	return &one, nil
}

func checkpointPath(job, step string) string {
	return jobPath(job) + "/steps/" + url.PathEscape(step) + "/checkpoints"
}

// Fault returns what a fault's code means to the server, and its runbook. Faults:
// http.not_found, those of http and client.
func (c *Client) Fault(ctx context.Context, code fault.Code) (*api.FaultInfo, error) {
	var i api.FaultInfo
	if err := c.get(ctx, "/v1/faults/"+url.PathEscape(string(code)), nil, &i); err != nil {
		return nil, err
	}
	return &i, nil
}
