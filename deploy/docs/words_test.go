package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/millrace/millrace/services/millrace/cli"
)

// TestWords looks for what the glossary does not say: in the pages, the help, and the
// documents that others read.
func TestWords(t *testing.T) {
	t.Parallel()
	texts, err := markdown(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	delete(texts, folder+"/reference/glossary.md")
	for _, name := range []string{"schemas/faults.json", openapi, asyncapi, "pkg/pipeline/pipeline.v1.json"} {
		data, err := os.ReadFile(root + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(data)
	}
	for name, text := range texts {
		for _, said := range unsaid(text) {
			t.Errorf("%s says %q; %s has the word for it", name, said, "deploy/docs/reference/glossary.md")
		}
	}
	if got := unsaid("A DLQ is\na Dead-Letter  queue."); strings.Join(got, "|") != "DLQ|Dead-Letter  queue" {
		t.Errorf("found %q", got)
	}
}

// unsaid finds what the glossary does not say.
func unsaid(text string) []string {
	var patterns []string
	for _, w := range words() {
		for _, phrase := range w.never {
			patterns = append(patterns, strings.ReplaceAll(regexp.QuoteMeta(phrase), " ", `[\s-]+`))
		}
	}
	return regexp.MustCompile(`(?i)\b(`+strings.Join(patterns, "|")+`)s?\b`).FindAllString(text, -1)
}

// TestGlossaryIsSound holds the table against itself: no word twice, and none that is
// not to be said.
func TestGlossaryIsSound(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, w := range words() {
		if seen[w.name] || w.meaning == "" {
			t.Errorf("%q is there twice, or means nothing", w.name)
		}
		seen[w.name] = true
		if said := unsaid(w.name + ": " + w.meaning); said != nil {
			t.Errorf("%q is explained by %q", w.name, said)
		}
	}
}

// variable finds the variables that Go code asks for by name.
var variable = regexp.MustCompile(`[gG]etenv\("([A-Z_]+)"|Env\s+= "([A-Z_]+)"`)

// TestEnvironment holds the list of variables against what the sources ask for.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	var listed strings.Builder
	for _, v := range cli.Environment() {
		listed.WriteString(v.Name + " " + v.Text + "\n")
	}
	found := 0
	for _, name := range sources(t, "services", "pkg") {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range variable.FindAllStringSubmatch(string(data), -1) {
			found++
			if name := m[1] + m[2]; !regexp.MustCompile(`\b` + name + `\b`).MatchString(listed.String()) {
				t.Errorf("a source reads %s, which cli.Environment does not list", name)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d variables were found", found)
	}
}

// sources lists the Go files below folders, but for tests and kits.
func sources(t *testing.T, folders ...string) []string {
	t.Helper()
	var list []string
	for _, dir := range folders {
		err := filepath.WalkDir(filepath.Join(root, dir), func(p string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && strings.HasSuffix(d.Name(), "test"):
				return fs.SkipDir
			case strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go"):
				list = append(list, p)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}
