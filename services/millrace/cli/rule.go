package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/millrace/term"
)

type (
	// ruleListObject is the list of rules under -o json.
	ruleListObject struct {
		Type string `json:"type"`
		api.RuleList
	}
	// ruleObject is a rule under -o json.
	ruleObject struct {
		Type string `json:"type"`
		events.Rule
	}
	// ruleSetObject is a rule that was set under -o json.
	ruleSetObject struct {
		Type string `json:"type"`
		api.RuleSet
	}
	// ruleChangeObject is a rule that was removed under -o json.
	ruleChangeObject struct {
		Type string `json:"type"`
		events.RuleChange
	}
	// ruleHistoryObject is the history of a rule under -o json.
	ruleHistoryObject struct {
		Type string `json:"type"`
		api.RuleHistory
	}
)

// ruleExample is a rule as the examples set it.
const ruleExample = "millrace rule set crm-down --match code='httpcall.*' --match dependency='http:crm*' " +
	"--class dependency_down --rate 2/s --for 1h --reason \"it is being restarted\""

func (p *Program) ruleCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "rule",
		Short:   "Say what is done about failed attempts, while the mill runs.",
		Example: "millrace rule list\n" + ruleExample,
	},
		p.ruleListCommand(), p.ruleGetCommand(), p.ruleSetCommand(), p.ruleRemoveCommand(), p.ruleHistoryCommand(),
	)
}

func (p *Program) ruleListCommand() *cobra.Command {
	return lists(p, "rule", "List the rules that are in force.", (*client.Client).Rules, p.showRules)
}

func (p *Program) showRules(list []events.Rule) error {
	return p.print(ruleListObject{"rule.list", api.RuleList{Rules: list}}, func(w io.Writer) error {
		if len(list) == 0 {
			p.talk.Say("no rules are in force; failed attempts go by millrace policy show")
			return nil
		}
		t, now := term.NewTable("NAME", "ABOUT", "SAYS", "UNTIL", "BY", "REASON"), time.Now()
		for _, r := range list {
			t.Row(r.Name, ruleAbout(r.Match), ruleSays(r.Then), ruleEnd(r, now), dash(r.By), r.Reason)
		}
		_, err := t.WriteTo(w)
		return err
	})
}

func (p *Program) ruleGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "get NAME [flags]",
		Short:   "Show a rule that is in force.",
		Args:    needs("NAME", 1),
		Example: "millrace rule get crm-down\nmillrace rule get crm-down -o json",
	}
	cmd.ValidArgsFunction = p.completes(&p.server, ruleNames)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		r, err := c.Rule(ctx, args[0])
		if err != nil {
			return err
		}
		return p.print(ruleObject{"rule", *r}, func(w io.Writer) error { return writeRule(w, *r, time.Now()) })
	})
}

func (p *Program) ruleRemoveCommand() *cobra.Command {
	var by, reason string
	var when client.RuleWhen
	line := "millrace rule remove crm-down --reason \"it is back\""
	cmd := &cobra.Command{
		Use:     "remove NAME [flags]",
		Short:   "End a rule.",
		Long:    "What was decided by it stays as it is: steps that wait for their next attempt go on waiting.",
		Args:    needs("NAME", 1),
		Example: line + "\n" + line + " --revision 7",
	}
	cmd.ValidArgsFunction = p.completes(&p.server, ruleNames)
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT`, required: why, for the history of the rule; at most 1 KiB")
	p.takesBy(cmd, &by)
	cmd.Flags().Uint64Var(&when.Revision, "revision", 0, revisionUsage)
	checks(cmd, func() error { return stated(reason) })
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		change, err := c.RemoveRule(ctx, args[0], p.author(by), reason, when)
		if err != nil {
			return err
		}
		return p.print(ruleChangeObject{"rule.removed", *change}, func(w io.Writer) error {
			return lines(w, "%s  removed  revision %d\n", change.Name, change.Revision)
		})
	})
}

func (p *Program) ruleHistoryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "history NAME [flags]",
		Short:   "Show who set and removed a rule, when, to what and why.",
		Long:    "The last 64 changes are kept, also of a rule that was removed or has ended.",
		Args:    needs("NAME", 1),
		Example: "millrace rule history crm-down\nmillrace rule history crm-down -o json",
	}
	cmd.ValidArgsFunction = p.completes(&p.server, ruleNames)
	return p.asks(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		list, err := c.RuleHistory(ctx, args[0])
		if err != nil {
			return err
		}
		return p.print(ruleHistoryObject{"rule.history", api.RuleHistory{Changes: list}}, func(w io.Writer) error {
			t := term.NewTable("TIME", "DONE", "REVISION", "BY", "RULE", "REASON")
			for _, h := range list {
				rule := "-"
				if h.Rule != nil {
					rule = ruleAbout(h.Rule.Match) + ": " + ruleSays(h.Rule.Then) + ruleUntil(*h.Rule)
				}
				t.Row(ruleTime(h.At), string(h.Action), decimal(h.Revision), dash(h.By), rule, h.Reason)
			}
			_, err := t.WriteTo(w)
			return err
		})
	})
}

// ruleNames asks for the names of the rules.
func ruleNames(ctx context.Context, c *client.Client) ([]string, error) {
	list, err := c.Rules(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range list {
		names = append(names, r.Name+"\t"+ruleAbout(r.Match)+": "+ruleSays(r.Then))
	}
	return names, nil
}

const revisionUsage = "`N` that the rule must still have (default any)"

// takesBy gives cmd the flag that says who changes a rule.
func (p *Program) takesBy(cmd *cobra.Command, by *string) {
	cmd.Flags().StringVar(by, "by", "", "`NAME` for the history of the rule (default the user's)")
}

// author is who changes a rule, as they say or as the environment does.
func (p *Program) author(by string) string {
	if by == "" {
		by = p.Getenv(userEnv)
	}
	return by
}
