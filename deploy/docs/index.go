package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// written are the pages that people wrote, and those that other packages generate.
var written = []struct{ title, file, what string }{
	{"Faults", "schemas/FAULTS.md", "every code, its class, and what to do"},
	{"Transitions", "pkg/flow/MACHINES.md", "the states of jobs, steps and undos, and every move between them"},
	{"Rules of pipeline files", "pkg/pipeline/RULES.md", "what the check complains about"},
	{"Writing a stage", "deploy/examples/stage/README.md", "a stage of your own, step by step"},
	{"The promise", folder + "/promise.md", "what stays as it is, and how changes are announced"},
	{"What has changed", "deploy/changelog/CHANGELOG.md", "release by release"},
}

// writeIndex lists all pages.
func writeIndex(root fs.FS, t *text) error {
	t.say("Where to begin is told in [the README](../../README.md). These pages are for looking things up.")
	names, err := fs.Glob(root, folder+"/scenarios/*.md")
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, name := range names {
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		title, _, _ := bytes.Cut(data, []byte("\n"))
		fmt.Fprintf(&list, "- [%s](scenarios/%s)\n", bytes.TrimPrefix(title, []byte("# ")), path.Base(name))
	}
	if names != nil {
		t.heading(2, "Scenarios")
		t.say("Real commands with their real output; a test runs them.")
		t.part(list.String())
	}
	t.heading(2, "Reference")
	t.say("Generated from what it describes.")
	list.Reset()
	for _, p := range pages() {
		fmt.Fprintf(&list, "- [%s](%s)\n", p.title, p.name)
	}
	for _, w := range written {
		to, err := filepath.Rel(folder, w.file)
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "- [%s](%s): %s\n", w.title, filepath.ToSlash(to), w.what)
	}
	t.part(list.String())
	return nil
}
