package ts_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	marked = regexp.MustCompile(`(?ms)^(\t*)// mark: \w+\n(.*?)^\t*// end\n`)
	block  = regexp.MustCompile("(?ms)^```ts\n(.*?)^```\n")
)

// TestReadme compares the examples of the README with those that the type check sees.
func TestReadme(t *testing.T) {
	t.Parallel()
	var checked, shown []string
	for _, m := range marked.FindAllStringSubmatch(read(t, "examples/examples.ts"), -1) {
		lines := strings.Split(m[2], "\n")
		for i := range lines {
			lines[i] = strings.TrimPrefix(lines[i], m[1])
		}
		checked = append(checked, strings.Join(lines, "\n"))
	}
	for _, m := range block.FindAllStringSubmatch(read(t, "README.md"), -1) {
		shown = append(shown, m[1])
	}
	if len(checked) < 10 {
		t.Errorf("there are %d examples", len(checked))
	}
	slices.Sort(checked)
	slices.Sort(shown)
	same(t, "the examples of README.md", shown, checked)
}

// declared is a name that a source lets others use.
var declared = regexp.MustCompile(`(?m)^(.*)\n((?:export (?:async )?(?:function|class|interface|type|const) \w|\t(?:readonly|get|async) \w).*)`)

// TestDocumented finds exported names, and members of classes, without a comment.
func TestDocumented(t *testing.T) {
	t.Parallel()
	sources, err := filepath.Glob("*.ts")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, source := range sources {
		for _, m := range declared.FindAllStringSubmatch(read(t, source), -1) {
			found++
			if !strings.HasSuffix(m[1], "*/") {
				t.Errorf("%s: no comment above %q", source, m[2])
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d names were found", found)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
