package rig

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
)

// With calls fn with a client of the mill at url.
func With(url string, fn func(*client.Client) error) (err error) {
	c, err := client.New(client.Config{Server: url})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return fn(c)
}

// Submit applies a pipeline and submits one file to it by its address.
func Submit(ctx context.Context, url, name string, pipeline []byte, file string) (job string, err error) {
	err = With(url, func(c *client.Client) error {
		if _, err := c.ApplyPipeline(ctx, name, pipeline); err != nil {
			return err
		}
		r, err := c.Submit(ctx, name, events.Submission{Files: []events.Source{{URL: file}}})
		if err == nil {
			job = r.Job
		}
		return err
	})
	return job, err
}

// Wait waits until a job is completed. Ending otherwise is an error.
func Wait(ctx context.Context, url, job string) (done *api.Job, err error) {
	err = With(url, func(c *client.Client) error {
		j, err := c.Wait(ctx, job)
		if err != nil {
			return err
		}
		if j.Job.State != events.JobCompleted {
			return fmt.Errorf("the job ended as %s: %+v", j.Job.State, j.Job.Fault)
		}
		done = j
		return nil
	})
	return done, err
}
