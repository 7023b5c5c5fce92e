package verify

import (
	"go/ast"
	"slices"
	"strings"
)

// Concurrent lists the packages whose code, tests aside, starts goroutines or
// uses package sync: those that the race detector is for.
func Concurrent(t *Tree) []string {
	var list []string
	for _, f := range t.Files {
		if !f.Test && f.concurrent() && !slices.Contains(list, f.Dir) {
			list = append(list, f.Dir)
		}
	}
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
