package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
)

// acting is a command that asks something of a job.
type acting struct {
	server serverFlags
	verb   events.Verb
	order  api.Order
	wait   bool
	// check refuses, before the server is asked, what it would refuse. Nil refuses
	// nothing.
	check func(*api.Order) error
}

// jobActCommand makes a command that does one thing to a job.
func (p *Program) jobActCommand(verb events.Verb, sentence string) *cobra.Command {
	cmd, _ := p.newActing(verb, sentence, "")
	return cmd
}

// newActing makes a command that does one thing to a job. flags are what the
// examples say besides.
func (p *Program) newActing(verb events.Verb, sentence, flags string) (*cobra.Command, *acting) {
	a := &acting{verb: verb}
	line := "millrace job " + string(verb) + " " + exampleJob + flags
	cmd := &cobra.Command{
		Use:     string(verb) + " JOB [flags]",
		Short:   sentence,
		Args:    needs("JOB", 1),
		Example: line + "\n" + line + " --reason \"wrong file\" --wait",
	}
	cmd.Flags().StringVar(&a.order.Reason, "reason", "", "`TEXT` kept in the job's history, at most 1 KiB")
	cmd.Flags().BoolVar(&a.wait, "wait", false, "wait until the job is final or needs a person; the exit code tells how it ended")
	a.server.add(cmd)
	p.takesOutput(cmd)
	p.completesJobs(cmd, &a.server)
	return does(cmd, func(ctx context.Context, args []string) error { return p.act(ctx, a, args[0]) }), a
}

// takesStep gives cmd the flag --step, with the steps that the verb may name now.
func (p *Program) takesStep(cmd *cobra.Command, a *acting, usage string) {
	cmd.Flags().StringVar(&a.order.Step, "step", "", usage)
	p.completesSteps(cmd, a)
}

// act asks for what the command line says, and waits for the end when asked.
func (p *Program) act(ctx context.Context, a *acting, id string) error {
	if err := brief(a.order.Reason); err != nil {
		return err
	}
	if err := named("--step", a.order.Step); err != nil {
		return err
	}
	if a.check != nil {
		if err := a.check(&a.order); err != nil {
			return err
		}
	}
	c, err := p.connect(a.server)
	if err != nil {
		return err
	}
	j, err := c.Order(ctx, id, a.verb, a.order)
	if err != nil {
		return err
	}
	return p.acted(ctx, c, j, a.wait)
}

// acted shows a job that was asked for something.
func (p *Program) acted(ctx context.Context, c *client.Client, j *api.Job, wait bool) error {
	if wait {
		return p.await(ctx, c, j.Job.ID)
	}
	return p.print(jobObject{"job", *j}, func(w io.Writer) error {
		return lines(w, "%s  %s\n", j.Job.ID, j.Job.State)
	})
}

// jobRetryCommand makes retry, which can also say what became of an effect.
func (p *Program) jobRetryCommand() *cobra.Command {
	var effect string
	cmd, a := p.newActing(events.VerbRetry, "Try again at once: what needs a person, with another budget, and what waits.", "")
	p.takesStep(cmd, a, "`STEP` to try again (default all that can be)")
	cmd.Flags().StringVar(&effect, "effect", "",
		"`WORD` on an effect that nobody could tell of: done, or not-done to do it again")
	a.check = func(o *api.Order) error {
		switch effect {
		case "":
		case "done":
			o.Effect = events.SettleDone
		case "not-done":
			o.Effect = events.SettleNotDone
		default:
			return usage("--effect is done or not-done, not %q", effect)
		}
		return nil
	}
	cmd.Example += "\nmillrace job retry " + exampleJob + " --effect not-done --reason \"they never got it\""
	return cmd
}

// jobSkipCommand makes skip.
func (p *Program) jobSkipCommand() *cobra.Command {
	cmd, a := p.newActing(events.VerbSkip,
		"Go on without a step that needs a person or waits for its next attempt; its inputs are then its files.", " --step scan")
	p.takesStep(cmd, a, "`STEP` to go on without")
	cmd.Flags().BoolVar(&a.order.Force, "force", false, "also when the step is critical")
	a.check = func(o *api.Order) error {
		if o.Step == "" {
			return usage("--step names the step to go on without")
		}
		return nil
	}
	return cmd
}

// jobAcceptCommand makes accept.
func (p *Program) jobAcceptCommand() *cobra.Command {
	cmd, a := p.newActing(events.VerbAccept, "Take an undo that failed for done, because somebody has seen to it.", "")
	cmd.Example = "millrace job accept " + exampleJob + " --reason \"removed by hand\"\n" +
		"millrace job accept " + exampleJob + " --step publish --reason \"removed by hand\" --wait"
	p.takesStep(cmd, a, "`STEP` whose undo failed (default all of them)")
	a.check = func(o *api.Order) error {
		if o.Reason == "" {
			return usage("--reason says why nothing is left to undo")
		}
		return nil
	}
	return cmd
}
