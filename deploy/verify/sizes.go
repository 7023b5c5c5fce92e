package verify

import (
	"bytes"
	"go/ast"
	"path"
	"slices"
)

// What may not be exceeded, in lines.
const (
	maxFile     = 500
	maxTestFile = 800
	maxFunc     = 80
)

// Sizes reports files and functions that are too long. Generated files may be
// any length.
func Sizes(t *Tree) []string {
	var list []string
	for _, f := range t.Files {
		if f.Generated {
			continue
		}
		limit := maxFile
		if f.Test {
			limit = maxTestFile
		}
		if n := bytes.Count(f.Source, []byte("\n")); n > limit {
			list = append(list, f.at(limit, "the file has %d lines, more than %d; split it by idea", n, limit))
		}
		for _, d := range f.Syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			first, last := f.line(fn.Pos()), f.line(fn.End())
			if n := last - first + 1; n > maxFunc {
				list = append(list, f.at(first, "%s has %d lines, more than %d", fn.Name.Name, n, maxFunc))
			}
		}
	}
	return list
}

// vague are names that say nothing about what is inside.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc", "types", "base", "shared", "manager"}

// Names reports files and packages with a name that says nothing.
func Names(t *Tree) []string {
	var list []string
	for _, f := range t.Files {
		name := path.Base(f.Path[:len(f.Path)-len(".go")])
		for _, n := range []string{name, path.Base(f.Dir)} {
			if slices.Contains(vague, n) {
				list = append(list, f.at(1, "%q says nothing about what is inside", n))
			}
		}
	}
	return list
}
