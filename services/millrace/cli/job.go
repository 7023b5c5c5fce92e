package cli

import (
	"context"
	"io"

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
	cmd := &cobra.Command{
		Use:   "job",
		Short: "See jobs and act on them.",
		Example: "millrace job list --state running\n" +
			"millrace job watch mzxw6ytboi4dknrrgezdgnbvgy",
	}
	cmd.AddCommand(
		p.jobListCommand(), p.jobGetCommand(), p.jobEventsCommand(), p.jobWatchCommand(),
		p.jobActCommand("cancel", "Stop a job and take back what it did.", (*client.Client).Cancel),
		p.jobRetryCommand(),
		p.jobActCommand("abandon", "Give a job that needs a person up: it is taken back, or fails.", (*client.Client).Abandon),
	)
	return group(cmd)
}

const exampleJob = "mzxw6ytboi4dknrrgezdgnbvgy"

func (p *Program) jobGetCommand() *cobra.Command {
	var server serverFlags
	var wait bool
	cmd := &cobra.Command{
		Use:     "get JOB [flags]",
		Short:   "Show a job with its steps and results.",
		Args:    needs("JOB", 1),
		Example: "millrace job get " + exampleJob + "\nmillrace job get " + exampleJob + " --wait -o json",
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the job is final or needs a person; the exit code tells how it ended")
	server.add(cmd)
	p.takesOutput(cmd)
	p.completesJobs(cmd, &server)
	return does(cmd, func(ctx context.Context, args []string) error {
		c, err := p.connect(server)
		if err != nil {
			return err
		}
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

func (p *Program) jobWatchCommand() *cobra.Command {
	var server serverFlags
	var plain bool
	cmd := &cobra.Command{
		Use:     "watch JOB [flags]",
		Short:   "Show what happens to a job until it is final or needs a person.",
		Args:    needs("JOB", 1),
		Example: "millrace job watch " + exampleJob + "\nmillrace job watch " + exampleJob + " -o json",
	}
	cmd.Flags().BoolVar(&plain, "plain", false, "plain lines instead of bars")
	server.add(cmd)
	p.takesOutput(cmd)
	p.completesJobs(cmd, &server)
	return does(cmd, func(ctx context.Context, args []string) error {
		c, err := p.connect(server)
		if err != nil {
			return err
		}
		j, err := c.Job(ctx, args[0])
		if err != nil {
			return err
		}
		return p.follow(ctx, c, args[0], orderOf(ctx, c, j), plain)
	})
}

// jobRetryCommand makes retry, which can also say what became of an effect.
func (p *Program) jobRetryCommand() *cobra.Command {
	var effect string
	cmd := p.jobActCommand("retry", "Give a job that needs a person another budget of attempts.",
		func(c *client.Client, ctx context.Context, id, reason string) (*api.Job, error) {
			switch effect {
			case "":
				return c.Retry(ctx, id, reason)
			case "done":
				return c.Settle(ctx, id, reason, events.SettleDone)
			case "not-done":
				return c.Settle(ctx, id, reason, events.SettleNotDone)
			}
			return nil, usage("--effect is done or not-done, not %q", effect)
		})
	cmd.Flags().StringVar(&effect, "effect", "",
		"`WORD` on an effect that nobody could tell of: done, or not-done to do it again")
	cmd.Example += "\nmillrace job retry " + exampleJob + " --effect not-done --reason \"they never got it\""
	return cmd
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

// act is one of the client's commands to a job.
type act func(c *client.Client, ctx context.Context, id, reason string) (*api.Job, error)

// jobActCommand makes the command that does one thing to a job.
func (p *Program) jobActCommand(verb, sentence string, do act) *cobra.Command {
	var server serverFlags
	var reason string
	var wait bool
	cmd := &cobra.Command{
		Use:   verb + " JOB [flags]",
		Short: sentence,
		Args:  needs("JOB", 1),
		Example: "millrace job " + verb + " " + exampleJob + "\n" +
			"millrace job " + verb + " " + exampleJob + " --reason \"wrong file\" --wait",
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` kept in the job's history, at most 1 KiB")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the job is final or needs a person; the exit code tells how it ended")
	server.add(cmd)
	p.takesOutput(cmd)
	p.completesJobs(cmd, &server)
	return does(cmd, func(ctx context.Context, args []string) error {
		if len(reason) > 1024 {
			return usage("--reason is longer than 1 KiB")
		}
		c, err := p.connect(server)
		if err != nil {
			return err
		}
		j, err := do(c, ctx, args[0], reason)
		if err != nil {
			return err
		}
		if wait {
			return p.await(ctx, c, args[0])
		}
		return p.print(jobObject{"job", *j}, func(w io.Writer) error {
			return lines(w, "%s  %s\n", j.Job.ID, j.Job.State)
		})
	})
}
