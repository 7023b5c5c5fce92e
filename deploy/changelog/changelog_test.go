package changelog_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/deploy/changelog"
)

// TestFragments reads those of the project.
func TestFragments(t *testing.T) {
	t.Parallel()
	if _, err := changelog.Read(os.DirFS("../..")); err != nil {
		t.Error(err)
	}
	log, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := changelog.Release(string(log), "999.0.0", "2026-01-02", nil); err != nil {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ data, want string }{
		"sound":         {"---\nkind: added\n---\nA thing\nis there.\n", ""},
		"breaks":        {"---\nkind: removed\nbreaks: GET /x: is gone\n---\nIt is gone.\n", ""},
		"no head":       {"A thing.\n", "no head"},
		"open head":     {"---\nkind: added\nA thing.\n", "no head"},
		"no kind":       {"---\nbreaks: x\n---\nA thing.\n", "no kind"},
		"odd kind":      {"---\nkind: improved\n---\nA thing.\n", `"kind: improved" is not one kind of added, changed`},
		"two kinds":     {"---\nkind: added\nkind: fixed\n---\nA thing.\n", "is not one kind"},
		"odd key":       {"---\nkind: added\nby: ann\n---\nA thing.\n", `"by: ann"`},
		"harmless":      {"---\nkind: fixed\nbreaks: x\n---\nA thing.\n", "what is fixed breaks nothing"},
		"empty":         {"---\nkind: added\n---\n\n", "not one paragraph"},
		"two":           {"---\nkind: added\n---\nOne.\n\nTwo.\n", "not one paragraph"},
		"long":          {"---\nkind: added\n---\n" + strings.Repeat("x", 601) + ".\n", "more than 600"},
		"no full stop":  {"---\nkind: added\n---\nA thing\n", "full stop"},
		"breaks what":   {"---\nkind: removed\nbreaks: \n---\nA thing.\n", "nor breaks"},
		"carriage feed": {"---\r\nkind: added\r\n---\r\nA thing.\r\n", "no head"},
	} {
		_, err := changelog.Parse("x", test.data)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	stray := fstest.MapFS{changelog.Folder + "/note.txt": {Data: []byte("x")}}
	if _, err := changelog.Read(stray); err == nil {
		t.Error("a file that is no fragment is read")
	}
}

func TestUnannounced(t *testing.T) {
	t.Parallel()
	missing, needless := changelog.Unannounced([]string{"a: is gone", "b: is gone"}, []changelog.Fragment{
		{Name: "x", Breaks: []string{"b: is gone", "c: is gone"}}, {Name: "y"},
	})
	if diff := cmp.Diff([][]string{{"a: is gone"}, {"x: c: is gone"}}, [][]string{missing, needless}); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	log, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(log), "\n## ")
	head = strings.TrimRight(head, "\n") + "\n"
	first, err := changelog.Release(head, "1.0.0", "2026-01-02", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := changelog.Release(first, "1.1.0", "2026-02-03", []changelog.Fragment{
		{Name: "a", Kind: "removed", Text: "It is gone.", Breaks: []string{"GET /x: is gone"}},
		{Name: "b", Kind: "added", Text: "One."},
		{Name: "c", Kind: "added", Text: "Two."},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := head + `
## 1.1.0 (2026-02-03)

### Added

- One.
- Two.

### Removed

- It is gone.
  Breaks: ` + "`GET /x: is gone`" + `.

## 1.0.0 (2026-01-02)

Nothing that users can see.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for log, name := range map[string]string{got: "1.1.0", "# other\n": "1.2.0", head: "next"} {
		if _, err := changelog.Release(log, name, "2026-01-02", nil); err == nil {
			t.Errorf("release %q of %.20q is written", name, log)
		}
	}
}
