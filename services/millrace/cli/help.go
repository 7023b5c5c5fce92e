package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/millrace/millrace/services/millrace/term"
)

// helpText renders the help of a command: usage line, one sentence, commands or
// flags with unit and default, exit codes, examples.
func helpText(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s\n\n%s\n", usageLine(cmd), cmd.Short)
	if cmd.Long != "" {
		fmt.Fprintf(&b, "\n%s\n", cmd.Long)
	}
	if subs := visible(cmd); len(subs) > 0 {
		section(&b, "Commands", subs)
	}
	if flags := flagRows(cmd); len(flags) > 0 {
		section(&b, "Flags", flags)
	}
	var codes [][]string
	for _, e := range ExitTable() {
		codes = append(codes, []string{fmt.Sprintf("%3d", e.Code), e.Meaning})
	}
	section(&b, "Exit codes", codes)
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n  %s\n", strings.ReplaceAll(strings.TrimSpace(cmd.Example), "\n", "\n  "))
	}
	return b.String()
}

func usageLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND"
	}
	return cmd.UseLine()
}

// section writes a heading and a table below it.
func section(b *strings.Builder, heading string, rows [][]string) {
	fmt.Fprintf(b, "\n%s:\n", heading)
	t := term.NewTable()
	for _, r := range rows {
		t.Row(append([]string{" " + r[0]}, r[1:]...)...)
	}
	_, _ = t.WriteTo(b)
}

// visible returns name and sentence of the commands below cmd.
func visible(cmd *cobra.Command) [][]string {
	var rows [][]string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			rows = append(rows, []string{c.Name(), c.Short})
		}
	}
	return rows
}

// flagRows returns a row for every flag of cmd.
func flagRows(cmd *cobra.Command) [][]string {
	var rows [][]string
	for _, f := range flagsOf(cmd) {
		if strings.HasPrefix(f.Name, "--") {
			f.Name = "    " + f.Name // where others have a letter
		}
		if f.Default != "" {
			f.Text += " (default " + f.Default + ")"
		}
		rows = append(rows, []string{f.Name, f.Text})
	}
	return rows
}

// flagsOf describes every flag of cmd.
func flagsOf(cmd *cobra.Command) []Flag {
	var list []Flag
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || cmd.InheritedFlags().Lookup(f.Name) != nil {
			return
		}
		unit, text := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		if unit != "" {
			name += " " + unit
		}
		text = strings.TrimLeft(strings.TrimPrefix(text, unit), " ,")
		list = append(list, Flag{name, text, defaultOf(f)})
	})
	return list
}

// defaultOf returns the default value of a flag as it would be typed. Zero values
// have none; where they mean something, the text of the flag says so.
func defaultOf(f *pflag.Flag) string {
	d := strings.Trim(f.DefValue, "[]")
	switch d {
	case "false", "0", "0s":
		return ""
	}
	return d
}
