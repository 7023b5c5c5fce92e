package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/fault"
)

// ruleSetting is the command line of rule set.
type ruleSetting struct {
	server              serverFlags
	match               []string
	rule                events.Rule
	initial, max, after time.Duration
	lasts               time.Duration
	until               string
	when                client.RuleWhen
}

// matchKeys are the words that --match takes, and where each value goes.
var matchKeys = map[string]func(*events.RuleMatch) *string{
	"code":       func(m *events.RuleMatch) *string { return &m.Code },
	"dependency": func(m *events.RuleMatch) *string { return &m.Dependency },
	"class":      func(m *events.RuleMatch) *string { return &m.Class },
	"stage":      func(m *events.RuleMatch) *string { return &m.Stage },
	"pipeline":   func(m *events.RuleMatch) *string { return &m.Pipeline },
	"tenant":     func(m *events.RuleMatch) *string { return &m.Tenant },
}

func (p *Program) ruleSetCommand() *cobra.Command {
	var s ruleSetting
	cmd := &cobra.Command{
		Use:   "set NAME [flags]",
		Short: "Set a rule about failed attempts, or replace the one of that name.",
		Long: "Every conductor has it within a moment, without a restart. Of several rules about an attempt the\n" +
			"one with most conditions speaks, and of these the most exact and then the newest. What is not said\n" +
			"stays as the fault's class and the step's policy say. A rate spreads next attempts, and no first\n" +
			"ones; each conductor keeps to it by itself, so that two make twice as many attempts due.",
		Args: needs("NAME", 1),
		Example: ruleExample + "\n" +
			"millrace rule set slow-licences --match class=timeout --match stage=command --attempts 20 --max 1h --reason \"until it is replaced\"",
	}
	cmd.ValidArgsFunction = p.completes(&s.server, ruleNames)
	flags := cmd.Flags()
	flags.StringArrayVar(&s.match, "match", nil,
		"`KEY=VALUE` that an attempt must have; KEY is code, dependency, class, stage, pipeline or tenant; code and dependency may end with *")
	flags.StringVar(&s.rule.Then.Class, "class", "", "`CLASS` that the fault is treated as")
	flags.IntVar(&s.rule.Then.MaxAttempts, "attempts", 0, "`N` failed attempts are the budget")
	flags.DurationVar(&s.initial, "initial", 0, "longest `DELAY` after the first failure")
	flags.DurationVar(&s.max, "max", 0, "longest `DELAY` after any failure")
	flags.Float64Var(&s.rule.Then.Factor, "factor", 0, "`N` that the longest delay grows by with each failure")
	flags.DurationVar(&s.after, "retry-after", 0, "shortest `DELAY`, in place of a growing one")
	flags.StringVar(&s.rule.Then.Rate, "rate", "", "`N/s`, N/m or N/h: next attempts that each conductor makes due")
	flags.DurationVar(&s.lasts, "for", 0, "`TIME` after which the rule ends (default never)")
	flags.StringVar(&s.until, "until", "", "`TIME` at which the rule ends, as in 2026-01-02T15:04:05Z")
	flags.StringVar(&s.rule.Reason, "reason", "", "`TEXT`, required: why, for the history of the rule; at most 1 KiB")
	p.takesBy(cmd, &s.rule.By)
	flags.BoolVar(&s.when.New, "new", false, "only when no rule of that name is in force")
	flags.Uint64Var(&s.when.Revision, "revision", 0, revisionUsage)
	s.server.add(cmd)
	p.takesOutput(cmd)
	completesRuleFlags(cmd)
	return does(cmd, func(ctx context.Context, args []string) error {
		s.rule.Name = args[0]
		return p.setRule(ctx, &s)
	})
}

// setRule sets the rule of the command line.
func (p *Program) setRule(ctx context.Context, s *ruleSetting) error {
	if err := s.read(time.Now()); err != nil {
		return err
	}
	s.rule.By = p.author(s.rule.By)
	c, err := p.connect(s.server)
	if err != nil {
		return err
	}
	set, err := c.SetRule(ctx, s.rule, s.when)
	if err != nil {
		return err
	}
	return p.print(ruleSetObject{"rule.set", *set}, func(w io.Writer) error {
		for _, text := range set.Warnings {
			p.talk.Warn("%s", text)
		}
		word := "set"
		if !set.Created {
			word = "replaced"
		}
		return lines(w, "%s  %s  revision %d  %s\n", set.Rule.Name, word, set.Rule.Revision, ruleEnd(set.Rule, time.Now()))
	})
}

// read turns flags into a rule. What a rule may say is for the server to judge.
func (s *ruleSetting) read(now time.Time) error {
	if !events.ValidToken(s.rule.Name) {
		return usage("NAME is 1 to 64 of a-z, 0-9, _ and -, not %q", s.rule.Name)
	}
	for _, pair := range s.match {
		key, value, ok := strings.Cut(pair, "=")
		place := matchKeys[key]
		if !ok || place == nil || value == "" {
			return usage("--match is KEY=VALUE with code, dependency, class, stage, pipeline or tenant, not %q", pair)
		}
		at := place(&s.rule.Match)
		if *at != "" {
			return usage("--match %s is given twice", key)
		}
		*at = value
	}
	if s.rule.Match == (events.RuleMatch{}) {
		return usage("say what the rule is about with --match KEY=VALUE")
	}
	t := &s.rule.Then
	t.InitialMS, t.MaxMS, t.RetryAfterMS = s.initial.Milliseconds(), s.max.Milliseconds(), s.after.Milliseconds()
	if s.rule.Then == (events.RuleThen{}) {
		return usage("say what is to be done, for example with --class or --rate")
	}
	if err := stated(s.rule.Reason); err != nil {
		return err
	}
	return s.readEnd(now)
}

// readEnd turns --for or --until into the end of the rule.
func (s *ruleSetting) readEnd(now time.Time) error {
	switch {
	case s.lasts != 0 && s.until != "":
		return usage("--for and --until contradict each other")
	case s.lasts < 0:
		return usage("--for is not in the past")
	case s.lasts > 0:
		s.rule.Until = now.Add(s.lasts).UTC().Truncate(time.Millisecond)
	case s.until != "":
		t, err := time.Parse(time.RFC3339, s.until)
		if err != nil {
			return usage("--until is a time as in 2026-01-02T15:04:05Z, not %q", s.until)
		}
		s.rule.Until = t.UTC()
	}
	return nil
}

// completesRuleFlags lets the shell complete what the flags of rule set take.
func completesRuleFlags(cmd *cobra.Command) {
	completesWords(cmd, "class", fault.Classes())
	var keys []string
	for key := range matchKeys {
		keys = append(keys, key+"=")
	}
	slices.Sort(keys)
	// The only error is an unknown flag, and the caller has it.
	_ = cmd.RegisterFlagCompletionFunc("match", cobra.FixedCompletions(keys,
		cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
}
