package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
)

// jobObject is a job under -o json.
type jobObject struct {
	Type string `json:"type"`
	api.Job
}

func (p *Program) jobCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "job",
		Short: "See jobs and act on them.",
		Example: "millrace job list --state running\n" +
			"millrace job watch mzxw6ytboi4dknrrgezdgnbvgy",
	},
		p.jobListCommand(), p.jobGetCommand(), p.jobEventsCommand(), p.jobWatchCommand(),
		p.jobExplainCommand(), p.jobCheckpointsCommand(),
		p.jobActCommand(events.VerbCancel, "Stop a job and take back what it did."),
		p.jobRetryCommand(),
		p.jobActCommand(events.VerbAbandon, "Give a job that needs a person up: it is taken back, or fails."),
		p.jobActCommand(events.VerbPause, "Finish what is queued of a job and begin nothing new."),
		p.jobActCommand(events.VerbResume, "Go on with a job that is paused."),
		p.jobSkipCommand(), p.jobAcceptCommand(), p.jobRollbackCommand(), p.jobRerunCommand(),
	)
}

const exampleJob = "mzxw6ytboi4dknrrgezdgnbvgy"

func (p *Program) jobGetCommand() *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:     "get JOB [flags]",
		Short:   "Show a job with its steps and results.",
		Args:    needs("JOB", 1),
		Example: "millrace job get " + exampleJob + "\nmillrace job get " + exampleJob + " --wait -o json",
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the job is final or needs a person; the exit code tells how it ended")
	p.completesJobs(cmd, &p.server)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if wait {
			return p.await(ctx, c, args[0])
		}
		j, err := c.Job(ctx, args[0])
		if err != nil {
			return err
		}
		return p.printJob(j, orderOf(ctx, c, j))
	})
}

// orderOf returns the steps of a job in the order its pipeline writes them. When
// the pipeline cannot be had, the order is left to the names.
func orderOf(ctx context.Context, c *client.Client, j *api.Job) []string {
	pipe, err := c.Pipeline(ctx, j.Job.Pipeline.Name, j.Job.Pipeline.Digest)
	if err != nil {
		return nil
	}
	return stepOrder(pipe)
}
