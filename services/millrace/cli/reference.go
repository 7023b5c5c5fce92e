package cli

import (
	"bytes"
	"io"

	"github.com/spf13/cobra"
)

// Command is a command as a page of reference shows it.
type Command struct {
	// Path is what calls it, such as "millrace job list", and Usage its usage line.
	Path, Usage string
	// Short is one sentence; Long says more, or nothing.
	Short, Long string
	// Flags are those of its own, sorted by name.
	Flags []Flag
}

// Flag is one flag of a command.
type Flag struct {
	// Name has the dashes and what the flag takes, such as "-p, --pipeline NAME".
	Name string
	// Text is what it means, with the unit. Default is what counts without it; empty
	// means that Text says it, or that the flag is off.
	Text, Default string
}

// Commands returns every command that help lists and that does something itself, in
// the order of help. The first is millrace, whose flags all of them take.
func Commands() []Command {
	p := &Program{In: new(bytes.Reader), Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }}
	root := p.root()
	return append([]Command{commandOf(root)}, below(root)...)
}

// below lists what can be done with the commands below one.
func below(cmd *cobra.Command) []Command {
	var list []Command
	for _, c := range cmd.Commands() {
		switch {
		case !c.IsAvailableCommand():
		case c.HasAvailableSubCommands():
			list = append(list, below(c)...)
		default:
			list = append(list, commandOf(c))
		}
	}
	return list
}

func commandOf(cmd *cobra.Command) Command {
	return Command{cmd.CommandPath(), usageLine(cmd), cmd.Short, cmd.Long, flagsOf(cmd)}
}
