package fault

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every code of faults.json is in the registry as it stands there, and the other
// way round.
func TestRegistryIsTheFile(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../schemas/faults.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []Info
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	want := map[Code]Info{}
	for _, i := range list {
		want[i.Code] = i
	}
	if diff := cmp.Diff(want, registry); diff != "" {
		t.Errorf("run go generate ./schemas (-file +registry)\n%s", diff)
	}
}

func TestRegistryIsComplete(t *testing.T) {
	t.Parallel()
	if len(registry) == 0 {
		t.Fatal("the registry is empty")
	}
	for code, i := range registry {
		if i.Code != code || code.Info() != i {
			t.Errorf("%s: is registered as %s", code, i.Code)
		}
		if !i.Class.Known() {
			t.Errorf("%s: class %q is not known", code, i.Class)
		}
		if i.Status < 400 || i.Status > 599 {
			t.Errorf("%s: status %d is no error", code, i.Status)
		}
		if i.Text == "" || strings.HasSuffix(i.Text, ".") || i.Text != Clip(i.Text, 120) {
			t.Errorf("%s: text %q", code, i.Text)
		}
		if !strings.HasSuffix(i.Hint, ".") || i.Hint != Clip(i.Hint, 300) {
			t.Errorf("%s: hint %q", code, i.Hint)
		}
	}
}

// Classes lists the constants of type Class, all of them.
func TestClassesListsTheConstants(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "fault.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Class" {
			return true
		}
		declared++
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil || !Class(value).Known() {
			t.Errorf("%s is not listed", spec.Names[0].Name)
		}
		return true
	})
	if declared != len(Classes()) {
		t.Errorf("%d constants, %d classes", declared, len(Classes()))
	}
}

func TestCodesListsTheRegistry(t *testing.T) {
	t.Parallel()
	codes := Codes()
	if len(codes) != len(registry) || !slices.IsSorted(codes) {
		t.Errorf("%d codes of %d", len(codes), len(registry))
	}
}
