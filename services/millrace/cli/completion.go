package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
)

// completionWait is how long a shell waits for what a server knows.
const completionWait = 2 * time.Second

// ask asks a server for words to complete, each with a tab and what it is.
type ask func(ctx context.Context, c *client.Client) ([]string, error)

// completes returns what the shell offers: what the server answers, or nothing.
func (p *Program) completes(server *serverFlags, words ask) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, err := p.connect(*server)
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionWait)
		defer cancel()
		list, err := words(ctx, c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// completesJobs lets the shell complete the ids of recent jobs.
func (p *Program) completesJobs(cmd *cobra.Command, server *serverFlags) {
	cmd.ValidArgsFunction = p.completes(server, func(ctx context.Context, c *client.Client) ([]string, error) {
		page, err := c.List(ctx, api.JobQuery{})
		if err != nil {
			return nil, err
		}
		var ids []string
		for _, j := range page.Jobs {
			ids = append(ids, j.ID+"\t"+string(j.State)+" "+j.Pipeline.Name)
		}
		return ids, nil
	})
}

// completesSteps lets the shell complete the flag --step: the steps that the command
// may name now.
func (p *Program) completesSteps(cmd *cobra.Command, a *acting) {
	// The only error is an unknown flag, and every caller has it.
	_ = cmd.RegisterFlagCompletionFunc("step", func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return p.completes(&a.server, func(ctx context.Context, c *client.Client) ([]string, error) {
			j, err := c.Job(ctx, args[0])
			if err != nil {
				return nil, err
			}
			var steps []string
			for _, choice := range j.Allowed {
				if choice.Verb != a.verb {
					continue
				}
				for _, id := range choice.Steps {
					steps = append(steps, id+"\t"+j.Job.Steps[id].Stage)
				}
			}
			return steps, nil
		})(cmd, nil, word)
	})
}

// pipelineNames asks for the names of the pipelines.
func pipelineNames(ctx context.Context, c *client.Client) ([]string, error) {
	list, err := c.Pipelines(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name+"\t"+e.Description)
	}
	return names, nil
}

// completesPipelines lets the shell complete the flag --pipeline.
func (p *Program) completesPipelines(cmd *cobra.Command, server *serverFlags) {
	complete := p.completes(server, pipelineNames)
	// The only error is an unknown flag, and every caller has it.
	_ = cmd.RegisterFlagCompletionFunc("pipeline",
		func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
			return complete(cmd, nil, word)
		})
}
