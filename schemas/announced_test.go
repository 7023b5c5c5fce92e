package schemas

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// TestRoutesAreAnnounced wants a fragment to name each route that is new, or deprecated
// now, as the released document does not have it.
func TestRoutesAreAnnounced(t *testing.T) {
	t.Parallel()
	was, is := openapiDocument(t, "released/v1/openapi.yaml"), openapiDocument(t, "openapi.yaml")
	for _, line := range untold(was, is, fragments(t)) {
		t.Errorf("%s: tell of it in %s", line, changelog.Folder)
	}
}

func TestUntold(t *testing.T) {
	t.Parallel()
	was, err := decode([]byte(smallAPI))
	if err != nil {
		t.Fatal(err)
	}
	is, err := decode([]byte(strings.Replace(smallAPI, `"paths":{`, `"paths":{"/n":{"get":{"deprecated":true}},`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	list := []changelog.Fragment{{Kind: "added", Text: "`GET /n` is there."}, {Kind: "added", Text: "`GET /nn` is there."}}
	for n, want := range [][]string{{"`GET /n` is added", "`GET /n` is deprecated"}, {"`GET /n` is deprecated"}} {
		got := untold(was.(map[string]any), is.(map[string]any), list[:n])
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// untold lists the routes that were added or deprecated and that no fragment names.
func untold(was, is map[string]any, list []changelog.Fragment) (lines []string) {
	old, current := apiOperations(was), apiOperations(is)
	for _, name := range slices.Sorted(maps.Keys(current)) {
		for kind, so := range map[string]bool{
			"added":      old[name].of == nil,
			"deprecated": current[name].of["deprecated"] == true && old[name].of["deprecated"] != true,
		} {
			told := slices.ContainsFunc(list, func(f changelog.Fragment) bool {
				return f.Kind == kind && strings.Contains(f.Text, "`"+name+"`")
			})
			if so && !told {
				lines = append(lines, "`"+name+"` is "+kind)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func fragments(t *testing.T) []changelog.Fragment {
	t.Helper()
	list, err := changelog.Read(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	return list
}
