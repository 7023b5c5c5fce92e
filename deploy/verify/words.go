package verify

import (
	"bytes"
	"go/ast"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The patterns are put together so that this file does not match them.
var (
	// Delivery is at least once, whatever is done about it.
	claim = regexp.MustCompile(`(?i)exactly[ -]` + `once`)
	// What is unfinished is finished, or an issue.
	unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b|(not |un)` + `implemented`)
)

// textual are the endings of files that people write.
var textual = []string{".go", ".md", ".json", ".yaml", ".yml", ".sh", ".txt", ".txtar", ".mod", ""}

// Phrases reports words that the project does not use, in any file of text.
func Phrases(t *Tree) ([]string, error) {
	var list []string
	for _, p := range t.Paths {
		if !slices.Contains(textual, path.Ext(p)) || strings.HasPrefix(p, "schemas/testdata/") {
			continue
		}
		text, err := fs.ReadFile(t.FS, p)
		if err != nil {
			return nil, err
		}
		f := &File{Path: p}
		for i, line := range bytes.Split(text, []byte("\n")) {
			if claim.Match(line) {
				list = append(list, f.at(i+1, "claims what no broker can keep; say at least once, and what makes it harmless"))
			}
			if path.Ext(p) == ".go" && unfinished.Match(line) {
				list = append(list, f.at(i+1, "is unfinished"))
			}
		}
	}
	return list, nil
}

// Calls reports calls that product code or tests do not make. The tools of deploy
// may sleep.
func Calls(t *Tree) []string {
	var list []string
	for _, f := range t.Files {
		f.calls(func(pkg, name string, line int) {
			switch {
			case !f.Test && !isKit(f.Dir) && !within(f.Dir, "deploy/*") && pkg == "time" && name == "Sleep":
				list = append(list, f.at(line, "sleeps; wait in a select, so that it can be stopped"))
			case f.Test && pkg == "t" && strings.HasPrefix(name, "Skip"):
				list = append(list, f.at(line, "skips a test; a check that does not run proves nothing"))
			}
		})
		for _, d := range f.Syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				list = append(list, f.at(f.line(fn.Pos()), "has an init function; let main say what there is"))
			}
		}
	}
	return list
}

// top is what may lie at the root, beside names that start with a dot.
var top = []string{
	"services", "events", "schemas", "pkg", "deploy",
	"Taskfile.yml", "go.mod", "go.sum", "README.md", "LICENSE",
}

// made is what building leaves at the root; .gitignore names it too.
var made = []string{"bin", "*.test", "*.prof"}

// TopLevel reports what does not belong at the root, and what is missing there.
func TopLevel(t *Tree) ([]string, error) {
	entries, err := fs.ReadDir(t.FS, ".")
	if err != nil {
		return nil, err
	}
	var list, found []string
	for _, e := range entries {
		found = append(found, e.Name())
		allowed := strings.HasPrefix(e.Name(), ".") || slices.Contains(top, e.Name())
		for _, pattern := range made {
			if ok, _ := path.Match(pattern, e.Name()); ok {
				allowed = true
			}
		}
		if !allowed {
			list = append(list, e.Name()+": the top level is fixed; put it below one of its folders")
		}
	}
	for _, name := range top {
		if !slices.Contains(found, name) {
			list = append(list, name+": is missing from the top level")
		}
	}
	return list, nil
}

// magic starts the files that a linker writes.
var magic = []string{"\x7fELF", "MZ\x90\x00", "\xcf\xfa\xed\xfe", "\xce\xfa\xed\xfe", "\xca\xfe\xba\xbe"}

// Binaries reports programs in the tree, except what building leaves at the root.
func Binaries(t *Tree) ([]string, error) {
	var list []string
	for _, p := range t.Paths {
		if first, _, _ := strings.Cut(p, "/"); !slices.Contains(top, first) {
			continue
		}
		text, err := fs.ReadFile(t.FS, p)
		if err != nil {
			return nil, err
		}
		for _, m := range magic {
			if strings.HasPrefix(string(text[:min(len(text), 4)]), m) {
				list = append(list, p+": is a program; the tree holds sources")
			}
		}
	}
	return list, nil
}
