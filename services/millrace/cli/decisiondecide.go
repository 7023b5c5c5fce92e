package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
)

// deciding is a decide command.
type deciding struct {
	server  serverFlags
	answer  api.DecisionAnswer
	version string
	wait    bool
}

func (p *Program) decisionDecideCommand() *cobra.Command {
	a := &deciding{}
	line := "millrace decision decide " + exampleDecision
	cmd := &cobra.Command{
		Use:   "decide DECISION CHOICE [flags]",
		Short: "Choose one of what a decision offers.",
		Args:  decisionAndChoice,
		Example: line + " effect_not_done --reason \"it is not in their books\"\n" +
			line + " retry --reason \"the key is renewed\" --wait",
	}
	flags := cmd.Flags()
	flags.StringVar(&a.answer.Reason, "reason", "", "`TEXT` kept in the job's history, at most 1 KiB; accept needs one")
	flags.StringVar(&a.version, "version", "", "`VERSION` that was looked at; another one is refused (default as it is now)")
	flags.BoolVar(&a.wait, "wait", false, "wait until the job is final or needs a person; the exit code tells how it ended")
	a.server.add(cmd)
	p.takesOutput(cmd)
	p.completesDecisions(cmd, &a.server)
	return does(cmd, func(ctx context.Context, args []string) error {
		a.answer.Choice = events.DecisionChoice(args[1])
		return p.decide(ctx, a, args[0])
	})
}

func decisionAndChoice(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return usage("name a DECISION")
	case 1:
		return usage("name a CHOICE; millrace decision get %s says what can be chosen", args[0])
	case 2:
		return nil
	}
	return usage("name one DECISION and one CHOICE, not %d words", len(args))
}

// decide makes a decision, as it is now or in the version that was looked at.
func (p *Program) decide(ctx context.Context, a *deciding, id string) error {
	if err := brief(a.answer.Reason); err != nil {
		return err
	}
	if a.answer.Choice == events.ChooseAccept && a.answer.Reason == "" {
		return usage("--reason says why nothing is left to undo")
	}
	c, err := p.connect(a.server)
	if err != nil {
		return err
	}
	version := a.version
	if version == "" {
		d, err := c.Decision(ctx, id)
		if err != nil {
			return err
		}
		version = d.Version
	}
	d, err := c.Decide(ctx, id, version, a.answer)
	if err != nil {
		return err
	}
	return p.decided(ctx, c, d, a.wait)
}

// decided shows a decision that was made, or waits for its job.
func (p *Program) decided(ctx context.Context, c *client.Client, d *api.Decision, wait bool) error {
	if wait {
		return p.await(ctx, c, d.Job)
	}
	if d.Made == nil {
		p.talk.Hint("it has not taken effect yet; see millrace decision get " + d.ID)
	}
	return p.print(decisionObject{"decision", d}, func(w io.Writer) error {
		choice := "open"
		if d.Made != nil {
			choice = string(d.Made.Choice)
		}
		return lines(w, "%s  %s  %s\n", d.ID, choice, d.State)
	})
}
