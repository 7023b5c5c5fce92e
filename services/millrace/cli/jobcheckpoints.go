package cli

import (
	"context"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

// checkpointsObject is the checkpoints of a job under -o json, by step.
type checkpointsObject struct {
	Type  string                      `json:"type"`
	Job   string                      `json:"job"`
	Steps map[string][]api.Checkpoint `json:"steps"`
}

// checkpointObject is one of them.
type checkpointObject struct {
	Type string `json:"type"`
	Job  string `json:"job"`
	Step string `json:"step"`
	*api.Checkpoint
}

func (p *Program) jobCheckpointsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "checkpoints JOB [STEP [POSITION]] [flags]",
		Short: "List the places that a job's steps have saved and go on from, or show one.",
		Long: "Only the newest few of a step are kept. With a POSITION, as the list prints it, the place is\n" +
			"shown with the state that the stage has saved in it.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 3 {
				return usage("name a JOB, and a STEP and a POSITION if you like")
			}
			return nil
		},
		Example: "millrace job checkpoints " + exampleJob + "\n" +
			"millrace job checkpoints " + exampleJob + " compress 118 -o json",
	}
	p.completesJobs(cmd, &p.server)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if len(args) == 3 {
			return p.jobCheckpoint(ctx, c, args[0], args[1], args[2])
		}
		return p.jobCheckpoints(ctx, c, args[0], args[1:])
	})
}

// jobCheckpoints prints those of some steps, or of all.
func (p *Program) jobCheckpoints(ctx context.Context, c *client.Client, job string, steps []string) error {
	if len(steps) == 0 {
		j, err := c.Job(ctx, job)
		if err != nil {
			return err
		}
		steps = slices.Sorted(maps.Keys(j.Job.Steps))
	}
	o := checkpointsObject{Type: "job.checkpoints", Job: job, Steps: map[string][]api.Checkpoint{}}
	for _, step := range steps {
		list, err := c.Checkpoints(ctx, job, step)
		if err != nil {
			return err
		}
		o.Steps[step] = list
	}
	return p.print(o, func(w io.Writer) error {
		t := term.NewTable("STEP", "POSITION", "KIND", "NUMBER", "ATTEMPT", "PLACE", "TIME", "WHY")
		for _, step := range steps {
			for _, c := range o.Steps[step] {
				t.Row(checkpointRow(step, c)...)
			}
		}
		_, err := t.WriteTo(w)
		return err
	})
}

func checkpointRow(step string, c api.Checkpoint) []string {
	kind, why := string(c.Kind), c.Reason
	if c.Damage != "" {
		kind, why = "damaged", c.Damage
	}
	if why == "" && c.Cause != nil {
		why = c.Cause.Code
	}
	return []string{
		step, strconv.FormatUint(c.Position, 10), kind, dash(positive(c.Number)), dash(positive(c.Attempt)),
		placeText(events.DecisionPlace{Done: c.Done, Total: c.Total, Percent: c.Percent}),
		c.Time.UTC().Format(time.RFC3339), dash(why),
	}
}

// positive writes a number that is there.
func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// jobCheckpoint prints one with its state.
func (p *Program) jobCheckpoint(ctx context.Context, c *client.Client, job, step, text string) error {
	position, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return usage("POSITION is a number, as millrace job checkpoints prints it, not %q", text)
	}
	one, err := c.Checkpoint(ctx, job, step, position)
	if err != nil {
		return err
	}
	return p.print(checkpointObject{"job.checkpoint", job, step, one}, func(w io.Writer) error {
		t := term.NewTable()
		row := checkpointRow(step, *one)
		for i, name := range []string{"step", "position", "kind", "number", "attempt", "place", "time", "why"} {
			t.Row(name, row[i])
		}
		t.Row("stage", dash(one.Stage))
		t.Row("worker", dash(one.Worker))
		for _, name := range one.Outputs {
			t.Row("output", name)
		}
		t.Row("state", dash(string(one.State)))
		_, err := t.WriteTo(w)
		return err
	})
}
