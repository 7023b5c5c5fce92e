package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/millrace/millrace/services/millrace/term"
)

// root builds the tree of commands.
func (p *Program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "millrace",
		Short:         "Run files through durable pipelines, and see what became of them.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Example: "millrace demo\n" +
			"millrace submit report.pdf --watch",
	}
	root.AddCommand(
		p.demoCommand(), p.devCommand(), p.serveCommand(),
		p.submitCommand(), p.jobCommand(), p.topCommand(), p.eventsCommand(), p.pipelineCommand(), p.stageCommand(),
		p.decisionCommand(), p.deadLetterCommand(), p.operationCommand(),
		p.statsCommand(), p.viewCommand(),
		p.breakerCommand(), p.ruleCommand(), p.policyCommand(), p.faultCommand(), p.webhookCommand(), p.keyCommand(), p.auditCommand(),
		p.brokerCommand(), p.doctorCommand(), p.versionCommand(),
	)
	group(root)
	root.PersistentFlags().StringVar(&p.token, "token", "", "`TOKEN` or API key for the server, @FILE for one in a file "+
		"(default $"+tokenEnv+", or the key of the millrace dev of this folder); all commands take it")
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		_, _ = fmt.Fprint(p.Out, helpText(cmd))
	})
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprint(p.Err, helpText(cmd))
		return err
	})
	root.SetHelpCommand(p.helpCommand(root))
	root.CompletionOptions.HiddenDefaultCmd = false
	root.InitDefaultCompletionCmd()
	shortenCompletion(root)
	return root
}

// helpCommand makes "millrace help job list" print what "millrace job list --help"
// prints.
func (p *Program) helpCommand(root *cobra.Command) *cobra.Command {
	return does(&cobra.Command{Use: "help [COMMAND...]", Hidden: true}, func(_ context.Context, args []string) error {
		cmd, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return usage("there is no command millrace %s", strings.Join(args, " "))
		}
		return cmd.Help()
	})
}

// needs lets a command take at least one argument, called what, and at most most;
// 0 means any number.
func needs(what string, most int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usage("name a %s", what)
		case most > 0 && len(args) > most:
			return usage("name one %s, not %d", what, len(args))
		}
		return nil
	}
}

// nothing refuses arguments.
func nothing(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("unexpected argument %q", args[0])
	}
	return nil
}

// group makes cmd one that only holds others: alone it prints its help, and an
// unknown word is refused with the nearest known one.
func group(cmd *cobra.Command, others ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(others...)
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		text := fmt.Sprintf("%q is not a command of %s", args[0], cmd.CommandPath())
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			text += "; did you mean " + strings.Join(near, " or ")
		}
		return usage("%s", text)
	}
	cmd.SuggestionsMinimumDistance = 2
	return does(cmd, func(context.Context, []string) error { return cmd.Help() })
}

// shortenCompletion gives the commands that print completion scripts help in
// the shape of all others.
func shortenCompletion(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.Short = "Print the completion script of a shell."
		c.Long = ""
		c.Example = shellExamples["bash"]
		group(c)
		for _, shell := range c.Commands() {
			shell.Short = "Print the completion script of " + shell.Name() + "."
			shell.Long = ""
			shell.Example = shellExamples[shell.Name()]
		}
	}
}

// shellExamples shows how each shell loads its script.
var shellExamples = map[string]string{
	"bash":       "source <(" + term.Name + " completion bash)\n" + term.Name + " completion bash > /etc/bash_completion.d/millrace",
	"zsh":        "source <(" + term.Name + " completion zsh)\n" + term.Name + " completion zsh > \"${fpath[1]}/_millrace\"",
	"fish":       term.Name + " completion fish | source\n" + term.Name + " completion fish > ~/.config/fish/completions/millrace.fish",
	"powershell": term.Name + " completion powershell | Out-String | Invoke-Expression\n" + term.Name + " completion powershell > millrace.ps1",
}
