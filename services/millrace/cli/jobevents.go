package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

func (p *Program) jobEventsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events JOB [flags]",
		Short: "Print the history of a job, oldest first.",
		Long:  "With -o json there is one object of type job.event on each line, with the whole record.",
		Args:  needs("JOB", 1),
		Example: "millrace job events " + exampleJob + "\n" +
			"millrace job events " + exampleJob + " -o json",
	}
	p.completesJobs(cmd, &p.server)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		return p.jobEvents(ctx, c, args[0])
	})
}

func (p *Program) jobEvents(ctx context.Context, c *client.Client, id string) error {
	t := term.NewTable("REVISION", "TIME", "EVENT", "STEP", "ATTEMPT", "JOB STATE")
	for r, err := range c.Records(ctx, id) {
		if err != nil {
			return err
		}
		if p.asJSON() {
			if err := writeJSON(p.Out, watchObject{Type: "job.event", Job: id, Record: &r}); err != nil {
				return err
			}
			continue
		}
		t.Row(eventRow(r)...)
	}
	if p.asJSON() {
		return nil
	}
	_, err := t.WriteTo(p.Out)
	return written(err)
}

func eventRow(r events.Record) []string {
	step, attempt := r.Step, ""
	if r.Attempt > 0 {
		attempt = strconv.Itoa(r.Attempt)
	}
	return []string{
		strconv.FormatUint(r.Revision, 10), r.Time.UTC().Format(time.RFC3339Nano), r.Type,
		dash(step), dash(attempt), string(r.Job.State),
	}
}

// dash fills an empty cell.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
