// Package changelog keeps what users can see of changes: one small file for each change
// in the folder unreleased, and CHANGELOG.md, which a release makes of them.
//
// A file says in its head what kind of change it is, and below that what it is, in one
// paragraph for those who use Millrace:
//
//	---
//	kind: added
//	---
//	`millrace audit` lists who decided and changed what.
//
// A change that breaks what was released names each break in its head, in the words of
// the test that refuses it. Only the kinds changed and removed may:
//
//	breaks: GET /v1/old: is gone
package changelog

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Folder is where the fragments are, and File what releases are written to, from the
// root of the module.
const (
	Folder = "deploy/changelog/unreleased"
	File   = "deploy/changelog/CHANGELOG.md"
)

// kinds are the kinds of changes with their headings, in the order of a release.
var kinds = []struct{ name, heading string }{
	{"added", "Added"},
	{"changed", "Changed"},
	{"deprecated", "Deprecated"},
	{"removed", "Removed"},
	{"fixed", "Fixed"},
	{"security", "Security"},
}

// maxText bounds a fragment, in bytes: it is a paragraph.
const maxText = 600

// Fragment is one change that users can see.
type Fragment struct {
	// Name is that of its file, without the ending.
	Name string
	// Kind is added, changed, deprecated, removed, fixed or security.
	Kind string
	// Breaks are the breaks of what was released that the change makes on purpose.
	Breaks []string
	// Text is one paragraph of Markdown, on one line.
	Text string
}

// Parse reads a fragment. Its error says what is not as it should be.
func Parse(name, data string) (Fragment, error) {
	f := Fragment{Name: name}
	complain := func(format string, args ...any) (Fragment, error) {
		return Fragment{}, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...))
	}
	rest, ok := strings.CutPrefix(data, "---\n")
	head, text, closed := strings.Cut(rest, "\n---\n")
	if !ok || !closed {
		return complain("it has no head between two lines of ---")
	}
	for line := range strings.SplitSeq(head, "\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch {
		case key == "kind" && f.Kind == "" && heading(value) != "":
			f.Kind = value
		case key == "breaks" && value != "":
			f.Breaks = append(f.Breaks, value)
		default:
			return complain("%q is not one kind of %s, nor breaks", line, names())
		}
	}
	f.Text = strings.Join(strings.Fields(text), " ")
	switch {
	case f.Kind == "":
		return complain("it names no kind")
	case f.Breaks != nil && f.Kind != "changed" && f.Kind != "removed":
		return complain("what is %s breaks nothing", f.Kind)
	case f.Text == "" || strings.Contains(strings.TrimSpace(text), "\n\n"):
		return complain("its text is not one paragraph")
	case len(f.Text) > maxText:
		return complain("its text has %d bytes, more than %d", len(f.Text), maxText)
	case !strings.HasSuffix(f.Text, "."):
		return complain("its text does not end in a full stop")
	}
	return f, nil
}

// Read reads all fragments below the root of the module, in the order of their names.
func Read(root fs.FS) ([]Fragment, error) {
	entries, err := fs.ReadDir(root, Folder)
	if err != nil {
		return nil, err
	}
	var list []Fragment
	for _, e := range entries {
		if e.Name() == "README.md" {
			continue // it says how to write one
		}
		name, ok := strings.CutSuffix(e.Name(), ".md")
		if !ok {
			return nil, fmt.Errorf("%s: only fragments, NAME.md, are here", e.Name())
		}
		data, err := fs.ReadFile(root, path.Join(Folder, e.Name()))
		if err != nil {
			return nil, err
		}
		f, err := Parse(name, string(data))
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// Unannounced returns the breaks that no fragment names, and those that fragments name
// and that are none.
func Unannounced(breaks []string, list []Fragment) (missing, needless []string) {
	missing = slices.Clone(breaks)
	for _, f := range list {
		for _, b := range f.Breaks {
			if i := slices.Index(missing, b); i >= 0 {
				missing = slices.Delete(missing, i, i+1)
			} else {
				needless = append(needless, f.Name+": "+b)
			}
		}
	}
	return missing, needless
}

func heading(kind string) string {
	for _, k := range kinds {
		if k.name == kind {
			return k.heading
		}
	}
	return ""
}

func names() string {
	var list []string
	for _, k := range kinds {
		list = append(list, k.name)
	}
	return strings.Join(list, ", ")
}
