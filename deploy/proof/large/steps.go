package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/millrace/millrace/deploy/proof/rig"
	"github.com/millrace/millrace/pkg/client"
)

// steps prints how long each step took, from the job's own history.
func steps(ctx context.Context, url, job string, size int64) {
	err := rig.With(url, func(c *client.Client) error {
		fmt.Printf("%-12s %10s %10s\n", "step", "time", "MiB/s")
		for r, err := range c.Records(ctx, job) {
			if err != nil {
				return err
			}
			o := r.Input.Outcome
			if o == nil {
				continue
			}
			took := o.EndedAt.Sub(o.StartedAt)
			fmt.Printf("%-12s %10s %10.0f  %s\n", o.Step, took.Round(time.Millisecond), float64(size)/(1<<20)/took.Seconds(), o.Verdict)
		}
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "large: the history:", err)
	}
}
