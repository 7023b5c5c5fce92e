package flow_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestPackageIsPure reads the sources: what is not imported cannot be used, and
// of package time only values are, never the clock.
func TestPackageIsPure(t *testing.T) {
	t.Parallel()
	allowed := map[string]bool{
		"bytes": true, "crypto/sha256": true, "encoding/hex": true, "encoding/json": true, "maps": true, "math/bits": true, "slices": true,
		"strconv": true, "strings": true, "time": true,
		"github.com/millrace/millrace/events":    true,
		"github.com/millrace/millrace/pkg/fault": true,
	}
	clock := map[string]bool{
		"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true,
		"NewTimer": true, "NewTicker": true, "Tick": true, "Local": true,
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		read++
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range f.Imports {
			path, err := strconv.Unquote(imp.Path.Value)
			if err != nil || !allowed[path] {
				t.Errorf("%s imports %s", name, imp.Path.Value)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.SelectorExpr:
				if id, ok := x.X.(*ast.Ident); ok && id.Name == "time" && clock[x.Sel.Name] {
					t.Errorf("%s uses time.%s", set.Position(x.Pos()), x.Sel.Name)
				}
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine", set.Position(x.Pos()))
			}
			return true
		})
	}
	if read == 0 {
		t.Error("no source was read")
	}
}
