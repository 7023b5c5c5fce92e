package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/term"
)

// exampleDecision is the id of a decision in examples.
const exampleDecision = exampleJob + ".order"

type (
	// decisionListObject is a page of decisions under -o json.
	decisionListObject struct {
		Type string `json:"type"`
		api.DecisionPage
	}
	// decisionObject is a decision under -o json.
	decisionObject struct {
		Type string `json:"type"`
		*api.Decision
	}
)

func (p *Program) decisionCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "decision",
		Short: "See what needs a person, by when, and decide it.",
		Example: "millrace decision list --overdue\n" +
			"millrace decision decide " + exampleDecision + " effect_not_done --reason \"it is not in their books\"",
	},
		p.decisionListCommand(), p.decisionGetCommand(), p.decisionDecideCommand(),
	)
}

func (p *Program) decisionListCommand() *cobra.Command {
	var q api.DecisionQuery
	cmd := &cobra.Command{
		Use:     "list [flags]",
		Short:   "List the decisions that are open, those of the newest jobs first.",
		Args:    nothing,
		Example: "millrace decision list\nmillrace decision list --pipeline intake --class unknown_effect -o json",
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Pipeline, "pipeline", "", "`NAME` of the pipeline (default all)")
	flags.StringVar(&q.Class, "class", "", "`CLASS` of the fault (default all)")
	flags.BoolVar(&q.Overdue, "overdue", false, "only those of which a due time has passed")
	flags.BoolVar(&q.Running, "running", false, "look into the jobs as well of which other steps go on")
	takesPage(cmd, &q.Limit, &q.Cursor, "jobs to look into")
	p.completesPipelines(cmd, &p.server)
	completesWords(cmd, "class", fault.Classes())
	checks(cmd, func() error {
		if err := inPage(q.Limit); err != nil {
			return err
		}
		if err := named("--pipeline", q.Pipeline); err != nil {
			return err
		}
		if q.Class != "" && !slices.Contains(fault.Classes(), fault.Class(q.Class)) {
			return usage("--class %q is no class of a fault", q.Class)
		}
		return nil
	})
	return p.asks(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		return p.decisionList(ctx, c, q)
	})
}

func (p *Program) decisionList(ctx context.Context, c *client.Client, q api.DecisionQuery) error {
	page, err := c.Decisions(ctx, q)
	if err != nil {
		return err
	}
	return p.print(decisionListObject{"decision.list", *page}, func(w io.Writer) error {
		p.more(page.NextCursor)
		if len(page.Decisions) == 0 {
			p.talk.Say("no decisions")
			return nil
		}
		now := time.Now()
		t := term.NewTable("DECISION", "PIPELINE", "AGE", "DUE", "THEN", "FAULT")
		for _, d := range page.Decisions {
			t.Row(d.ID, d.Pipeline, term.Ago(d.OpenedAt, now), dueText(d, now), string(d.Default), codeOf(d.Fault))
		}
		_, err := t.WriteTo(w)
		return err
	})
}

func (p *Program) decisionGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get DECISION [flags]",
		Short:   "Show what happened, what can be chosen, and what each choice means.",
		Args:    needs("DECISION", 1),
		Example: "millrace decision get " + exampleDecision + "\nmillrace decision get " + exampleDecision + " -o json",
	}
	p.completesDecisions(cmd, &p.server)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		d, err := c.Decision(ctx, args[0])
		if err != nil {
			return err
		}
		return p.print(decisionObject{"decision", d}, func(w io.Writer) error { return writeDecision(w, d, time.Now()) })
	})
}

// completesDecisions lets the shell complete the ids of open decisions, and behind
// one of them what can be chosen.
func (p *Program) completesDecisions(cmd *cobra.Command, server *serverFlags) {
	ids := p.completes(server, func(ctx context.Context, c *client.Client) (ids []string, err error) {
		page, err := c.Decisions(ctx, api.DecisionQuery{})
		if err != nil {
			return nil, err
		}
		for _, d := range page.Decisions {
			ids = append(ids, d.ID+"\t"+d.Pipeline+" "+codeOf(d.Fault))
		}
		return ids, nil
	})
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) != 1 || !strings.HasPrefix(cmd.Use, "decide ") {
			return ids(cmd, args, word)
		}
		return p.completes(server, func(ctx context.Context, c *client.Client) (words []string, err error) {
			d, err := c.Decision(ctx, args[0])
			if err != nil {
				return nil, err
			}
			for _, o := range d.Choices {
				words = append(words, string(o.Choice)+"\t"+o.Means)
			}
			return words, nil
		})(cmd, nil, word)
	}
}
