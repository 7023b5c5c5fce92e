package main

import (
	"fmt"
	"io/fs"

	"github.com/millrace/millrace/services/millrace/cli"
)

// writeCommands describes commands, flags, variables and exit codes.
func writeCommands(_ fs.FS, t *text) error {
	t.say("Every setting is a flag of a command, or a variable of the environment where a flag would show a secret. " +
		"`--help` behind a command prints what stands here, with examples.")
	commands := cli.Commands()
	var rows [][]string
	for _, c := range commands[1:] {
		rows = append(rows, []string{fmt.Sprintf("[%s](#%s)", c.Path, anchor(c.Path)), plain(c.Short)})
	}
	t.table([]string{"command", "what it does"}, rows)
	t.heading(2, "Environment")
	rows = nil
	for _, v := range cli.Environment() {
		rows = append(rows, []string{quote(v.Name), plain(v.Text)})
	}
	t.table([]string{"variable", "meaning"}, rows)
	t.heading(2, "Exit codes")
	rows = nil
	for _, e := range cli.ExitTable() {
		rows = append(rows, []string{fmt.Sprint(e.Code), plain(e.Meaning)})
	}
	t.table([]string{"code", "meaning"}, rows)
	t.heading(2, "Flags of every command")
	writeFlags(t, commands[0].Flags)
	for _, c := range commands[1:] {
		t.heading(2, c.Path)
		t.say("%s", plain(c.Short+" "+c.Long))
		t.code("", c.Usage)
		writeFlags(t, c.Flags)
	}
	return nil
}

func writeFlags(t *text, flags []cli.Flag) {
	var rows [][]string
	for _, f := range flags {
		rows = append(rows, []string{quote(f.Name), plain(f.Text), quote(f.Default)})
	}
	t.table([]string{"flag", "meaning", "default"}, rows)
}
