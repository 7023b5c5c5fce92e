package schemas

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/deploy/changelog"
)

// TestCompatible compares what was released with what there is. A break is made only on
// purpose: a fragment of the changelog, of kind changed or removed, names it.
func TestCompatible(t *testing.T) {
	t.Parallel()
	lines := schemaBreaks(t)
	lines = append(lines, apiBreaks(openapiDocument(t, "released/v1/openapi.yaml"), openapiDocument(t, "openapi.yaml"))...)
	missing, needless := changelog.Unannounced(lines, fragments(t))
	for _, line := range missing {
		t.Errorf("%s\nleave it as it was released, or announce it; see %s/README.md", line, changelog.Folder)
	}
	for _, line := range needless {
		t.Errorf("%s: is announced and breaks nothing", line)
	}
}

// TestNewRoutesAreAnnounced wants a fragment of kind added to name each route that the
// released document does not have.
func TestNewRoutesAreAnnounced(t *testing.T) {
	t.Parallel()
	was, is := apiOperations(openapiDocument(t, "released/v1/openapi.yaml")), apiOperations(openapiDocument(t, "openapi.yaml"))
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if was[name].of == nil && !named(name, fragments(t)) {
			t.Errorf("`%s` is new: tell of it in %s", name, changelog.Folder)
		}
	}
	if named("GET /v1/nowhere", fragments(t)) {
		t.Error("a route that is nowhere is named")
	}
}

// named reports whether a fragment says that a route was added.
func named(route string, list []changelog.Fragment) bool {
	return slices.ContainsFunc(list, func(f changelog.Fragment) bool {
		return f.Kind == "added" && strings.Contains(f.Text, "`"+route+"`")
	})
}

func fragments(t *testing.T) []changelog.Fragment {
	t.Helper()
	list, err := changelog.Read(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	return list
}
