package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	t.Parallel()
	const pkg = `"Package":"github.com/millrace/millrace/pkg/x"`
	for name, test := range map[string]struct{ events, want string }{
		"pass": {
			`{"Action":"start",` + pkg + `}
			{"Action":"run",` + pkg + `,"Test":"TestA"}
			{"Action":"output",` + pkg + `,"Test":"TestA","Output":"=== RUN   TestA\n"}
			{"Action":"output",` + pkg + `,"Test":"TestA","Output":"chatter\n"}
			{"Action":"pass",` + pkg + `,"Test":"TestA/sub"}
			{"Action":"pass",` + pkg + `,"Test":"TestA"}
			{"Action":"skip",` + pkg + `,"Test":"TestB"}
			{"Action":"pass",` + pkg + `,"Elapsed":1.234}`,
			"ok    pkg/x                                       1.23s  1 passed, 0 failed, 1 skipped\n",
		},
		"fail": {
			`{"Action":"start",` + pkg + `}
			{"Action":"output",` + pkg + `,"Test":"TestA/sub","Output":"x_test.go:1: wrong\n"}
			{"Action":"fail",` + pkg + `,"Test":"TestA/sub"}
			{"Action":"output",` + pkg + `,"Test":"TestA","Output":"--- FAIL: TestA\n"}
			{"Action":"fail",` + pkg + `,"Test":"TestA"}
			{"Action":"pass",` + pkg + `,"Test":"TestB"}
			{"Action":"fail",` + pkg + `,"Elapsed":1}`,
			"x_test.go:1: wrong\n--- FAIL: TestA\nFAIL  pkg/x                                          1s  1 passed, 1 failed\n",
		},
		"does not compile": {
			`{"Action":"build-output","ImportPath":"x [x.test]","Output":"x.go:1: undefined: y\n"}
			{"Action":"build-fail","ImportPath":"x [x.test]"}
			{"Action":"start",` + pkg + `}
			{"Action":"output",` + pkg + `,"Output":"FAIL x [build failed]\n"}
			{"Action":"fail",` + pkg + `,"FailedBuild":"x [x.test]"}`,
			"x.go:1: undefined: y\nFAIL x [build failed]\nFAIL  pkg/x                                          0s  0 passed, 1 failed\n",
		},
		"dies": {
			`{"Action":"start",` + pkg + `}
			{"Action":"pass",` + pkg + `,"Test":"TestA"}
			{"Action":"run",` + pkg + `,"Test":"TestB"}
			{"Action":"output",` + pkg + `,"Test":"TestB","Output":"panic: oh\n"}
			{"Action":"output",` + pkg + `,"Output":"exit status 2\n"}
			{"Action":"fail",` + pkg + `,"Elapsed":2}`,
			"exit status 2\npanic: oh\nFAIL  pkg/x                                          2s  1 passed, 1 failed\n",
		},
		"no tests": {
			`{"Action":"start",` + pkg + `}
			{"Action":"output",` + pkg + `,"Output":"?   pkg/x [no test files]\n"}
			{"Action":"skip",` + pkg + `}`,
			"",
		},
		"noise": {"go: downloading x\n", "go: downloading x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			newReport(&out).read(strings.NewReader(test.events))
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// module makes a module of one package with the given test.
func module(t *testing.T, body string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":    "module x\n\ngo 1.26\n",
		"x.go":      "package x\n",
		"x_test.go": "package x\n\nimport \"testing\"\n\n" + body + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestGoTest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		want tally
		says string
	}{
		"passes":     {"func TestA(t *testing.T) {}", tally{passed: 1}, "1 passed, 0 failed"},
		"fails":      {"func TestA(t *testing.T) {}\nfunc TestB(t *testing.T) { t.Error(\"oh no\") }", tally{passed: 1, failed: 1}, "oh no"},
		"is broken":  {"func TestA(t *testing.T) { y }", tally{failed: 1}, "undefined: y"},
		"has no one": {"func Helper(t *testing.T) {}", tally{failed: 1}, "ran no test"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			got := goTest(t.Context(), &out, module(t, test.body), "./...")
			if got != test.want || !strings.Contains(out.String(), test.says) {
				t.Errorf("got %+v, want %+v, saying %q:\n%s", got, test.want, test.says, out.String())
			}
		})
	}
}

func TestExample(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body, needs string
		want        tally
		says        string
	}{
		"sound":  {"func TestA(t *testing.T) {}", "", tally{passed: 4}, "1 passed, 0 failed"},
		"fails":  {"func TestA(t *testing.T) { t.Error(\"oh no\") }", "", tally{passed: 3, failed: 1}, "oh no"},
		"vetoed": {"func TestA(t *testing.T) { t.Errorf(\"%d\") }", "", tally{passed: 2, failed: 2}, "reads arg #1"},
		"linted": {"func TestA(t *testing.T) { var x int; x = 1 }", "", tally{passed: 1, failed: 3}, "declared and not used"},
		"untidy": {"func TestA(t *testing.T) {}", "\nrequire golang.org/x/sys v0.49.0\n", tally{passed: 3, failed: 1}, "&& go mod tidy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := module(t, test.body)
			mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "go.mod"), append(mod, test.needs...), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if got := example(t.Context(), &out, dir); got != test.want || !strings.Contains(out.String(), test.says) {
				t.Errorf("got %+v, want %+v, saying %q:\n%s", got, test.want, test.says, out.String())
			}
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if code := run(t.Context(), &out, []string{"-list"}); code != 0 || !strings.Contains(out.String(), "race ") {
		t.Errorf("-list: exit code %d\n%s", code, out.String())
	}
	out.Reset()
	if code := run(t.Context(), &out, []string{"vet", "nonesuch"}); code != 2 || !strings.Contains(out.String(), `"nonesuch"`) {
		t.Errorf("an unknown step: exit code %d\n%s", code, out.String())
	}
	if code := run(t.Context(), io.Discard, []string{"-nonesuch"}); code != 2 {
		t.Errorf("an unknown flag: exit code %d", code)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	all, unknown := choose(nil)
	if len(all) != len(steps) || unknown != "" {
		t.Errorf("got %d steps, %q", len(all), unknown)
	}
	some, unknown := choose([]string{"test", "vet"})
	if len(some) != 2 || some[0].name != "vet" || some[1].name != "test" || unknown != "" {
		t.Errorf("got %v, %q", some, unknown)
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if got := command("go", "version")(t.Context(), &out); got != (tally{passed: 1}) || !strings.Contains(out.String(), "go1.") {
		t.Errorf("got %+v: %s", got, out.String())
	}
	out.Reset()
	if got := command("go", "nonesuch")(t.Context(), &out); got != (tally{failed: 1}) || !strings.Contains(out.String(), "unknown command") {
		t.Errorf("got %+v: %s", got, out.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := command("go", "version")(ctx, io.Discard); got != (tally{failed: 1}) {
		t.Errorf("an ended context gives %+v", got)
	}
}

func TestRoot(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(filepath.Join(root(), "Taskfile.yml")); err != nil {
		t.Error(err)
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	total := tally{passed: 1}
	total.add(tally{passed: 2, failed: 1})
	if got := total.String(); got != "3 passed, 1 failed" {
		t.Error(got)
	}
	total.add(tally{skipped: 1})
	if got := total.String(); got != "3 passed, 1 failed, 1 skipped" {
		t.Error(got)
	}
}
