package pipeline

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestPackageIsPure reads the sources: no files, no network, no clock, no chance,
// no goroutines.
func TestPackageIsPure(t *testing.T) {
	t.Parallel()
	refused := []string{
		"os", "net", "sync", "math/rand", "log", "io/fs", "runtime", "syscall",
		"testing", "unsafe",
	}
	clock := []string{
		"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker",
		"Tick", "Local",
	}
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range f.Imports {
			path, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range refused {
				if path == bad || strings.HasPrefix(path, bad+"/") {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.SelectorExpr:
				if id, ok := x.X.(*ast.Ident); ok && id.Name == "time" && contains(clock, x.Sel.Name) {
					t.Errorf("%s uses time.%s", set.Position(x.Pos()), x.Sel.Name)
				}
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", set.Position(x.Pos()))
			}
			return true
		})
	}
}
