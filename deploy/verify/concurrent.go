package verify

import (
	"go/ast"
	"slices"
	"strings"
)

// Concurrent lists the packages that the race detector is for: those whose code,
// tests aside, starts goroutines or uses package sync, and those with tests that
// lie below one of them, such as a conformance suite.
func Concurrent(t *Tree) []string {
	var list []string
	for _, f := range t.Files {
		if !f.Test && f.concurrent() && !slices.Contains(list, f.Dir) {
			list = append(list, f.Dir)
		}
	}
	for _, f := range t.Files {
		below := slices.ContainsFunc(list, func(dir string) bool { return within(f.Dir, dir+"/*") })
		if f.Test && below && !slices.Contains(list, f.Dir) {
			list = append(list, f.Dir)
		}
	}
	slices.Sort(list)
	return list
}

func (f *File) concurrent() bool {
	for _, i := range f.Imports {
		if i.Path == "sync" || strings.HasPrefix(i.Path, "sync/") {
			return true
		}
	}
	found := false
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		_, ok := n.(*ast.GoStmt)
		found = found || ok
		return !found
	})
	return found
}
