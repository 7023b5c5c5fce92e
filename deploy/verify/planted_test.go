package verify

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// sound is a small project that keeps every rule.
func sound() fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range map[string]string{
		"events/events.go":             "// Package events is the words.\npackage events\n",
		"schemas/schemas.go":           "// Package schemas is the schemas.\npackage schemas\n",
		"pkg/flow/flow.go":             "// Package flow decides.\npackage flow\n\nimport \"github.com/millrace/millrace/events\"\n",
		"pkg/bus/bus.go":               "// Package bus is the door.\npackage bus\n\nimport \"github.com/nats-io/nats.go\"\n",
		"pkg/bus/bustest/kit.go":       "// Package bustest is a kit.\npackage bustest\n\nimport (\n\t\"testing\"\n\t\"github.com/millrace/millrace/pkg/bus\"\n)\n",
		"services/conductor/c.go":      "// Package conductor decides.\npackage conductor\n",
		"services/gateway/g.go":        "// Package gateway asks.\npackage gateway\n",
		"services/gateway/g_test.go":   "package gateway\n\nimport (\n\t\"testing\"\n\t\"github.com/millrace/millrace/services/mill\"\n\t\"github.com/nats-io/nats.go\"\n)\n",
		"services/mill/mill.go":        "// Package mill is all.\npackage mill\n\nimport \"github.com/nats-io/nats-server/v2/server\"\n",
		"services/millrace/main.go":    "// Command millrace is the program.\npackage main\n\nimport \"github.com/millrace/millrace/services/millrace/cli\"\n",
		"services/millrace/cli/cli.go": "// Package cli is the command line.\npackage cli\n",
		"deploy/bench/main.go":         "// Command bench measures.\npackage main\n\nimport \"github.com/nats-io/nats.go\"\n",
		"deploy/tools/x/go.mod":        "module x\n",
		"deploy/tools/x/bad.go":        "package utils",
		"pkg/flow/testdata/bad.go":     "not Go",
		".hidden/bad.go":               "not Go",
		"Taskfile.yml":                 "", "go.mod": "", "go.sum": "", "README.md": "", "LICENSE": "",
		"bin/millrace": "\x7fELF",
	} {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestASoundProjectPasses(t *testing.T) {
	t.Parallel()
	tree, err := Load(sound())
	if err != nil {
		t.Fatal(err)
	}
	for name, rule := range rules {
		if list, err := rule(tree); len(list) > 0 || err != nil {
			t.Errorf("%s: %q %v", name, list, err)
		}
	}
}

// Each violation is found by its rule, at its place, and by no other rule.
func TestPlantedViolations(t *testing.T) {
	t.Parallel()
	const flow = "// Package flow decides.\npackage flow\n\n"
	const pkg = "// Package x is one.\npackage x\n\n"
	for name, test := range map[string]struct{ rule, file, text, want string }{
		"upward import":      {"layers", "pkg/flow/flow.go", flow + "import \"github.com/millrace/millrace/pkg/bus\"\n", `pkg/flow/flow.go:4: imports pkg/bus: "edges" does not lie below "core: the machine"`},
		"peer import":        {"layers", "services/gateway/g.go", "// Package gateway asks.\npackage gateway\n\nimport \"github.com/millrace/millrace/services/conductor\"\n", `services/gateway/g.go:4: imports services/conductor: "services" does not lie below "services"`},
		"no layer":           {"layers", "pkg/x/x.go", pkg, "pkg/x: the package has no layer; give it one in deploy/verify/layers.go"},
		"nats elsewhere":     {"owners", "services/conductor/c.go", "// Package conductor decides.\npackage conductor\n\nimport \"github.com/nats-io/nats.go/jetstream\"\n", "services/conductor/c.go:4: imports github.com/nats-io/nats.go/jetstream, which only pkg/bus may"},
		"broker elsewhere":   {"owners", "services/conductor/c.go", "// Package conductor decides.\npackage conductor\n\nimport \"github.com/nats-io/nats-server/v2/server\"\n", "services/conductor/c.go:4: imports github.com/nats-io/nats-server/v2/server, which only services/mill may"},
		"watermill":          {"owners", "services/conductor/c.go", "// Package conductor decides.\npackage conductor\n\nimport \"github.com/ThreeDotsLabs/watermill/message\"\n", "services/conductor/c.go:4: imports github.com/ThreeDotsLabs/watermill/message, which only pkg/bus may"},
		"gobreaker":          {"owners", "pkg/bus/bus.go", "// Package bus is the door.\npackage bus\n\nimport \"github.com/sony/gobreaker/v2\"\n", "pkg/bus/bus.go:4: imports github.com/sony/gobreaker/v2, which only pkg/breaker may"},
		"testing":            {"kits", "pkg/bus/more.go", "package bus\n\nimport \"testing\"\n", "pkg/bus/more.go:3: imports testing, which is for tests"},
		"a kit":              {"kits", "services/mill/more.go", "package mill\n\nimport \"github.com/millrace/millrace/pkg/bus/bustest\"\n", "services/mill/more.go:3: imports github.com/millrace/millrace/pkg/bus/bustest, which is for tests"},
		"os in the core":     {"purity", "pkg/flow/flow.go", flow + "import \"os/exec\"\n", "pkg/flow/flow.go:4: imports os/exec; the core is pure"},
		"rand in the core":   {"purity", "pkg/flow/flow.go", flow + "import \"math/rand/v2\"\n", "pkg/flow/flow.go:4: imports math/rand/v2; the core is pure"},
		"clock in the core":  {"purity", "pkg/flow/flow.go", flow + "var now = time.Now\n", "pkg/flow/flow.go:4: calls time.Now; the core is told the time"},
		"go in the core":     {"purity", "pkg/flow/flow.go", flow + "func f() {\n\tgo f()\n}\n", "pkg/flow/flow.go:5: starts a goroutine; the core is pure"},
		"no package comment": {"docs", "events/events.go", "package events\n", "events: the package has no comment"},
		"other comment":      {"docs", "events/events.go", "// The words.\npackage events\n", `events/events.go:1: the package comment does not start with "Package events "`},
		"command comment":    {"docs", "services/millrace/main.go", "// Package main is the program.\npackage main\n", `services/millrace/main.go:1: the package comment does not start with "Command "`},
		"func":               {"docs", "events/more.go", "package events\n\nfunc F() {}\n", "events/more.go:3: F has no comment"},
		"wrong name":         {"docs", "events/more.go", "package events\n\n// Fn does.\nfunc F() {}\n", "events/more.go:4: the comment of F does not start with its name"},
		"type":               {"docs", "events/more.go", "package events\n\ntype T struct{}\n", "events/more.go:3: T has no comment"},
		"method":             {"docs", "events/more.go", "package events\n\n// T is.\ntype T[E any] struct{}\n\nfunc (t *T[E]) M() {}\n", "events/more.go:6: M has no comment"},
		"const":              {"docs", "events/more.go", "package events\n\nconst C = 1\n", "events/more.go:3: C has no comment"},
		"const in a group":   {"docs", "events/more.go", "package events\n\nconst (\n\tC = 1\n)\n", "events/more.go:4: C has no comment"},
		"long file":          {"sizes", "events/more.go", "package events\n" + strings.Repeat("\n", 500), "events/more.go:500: the file has 501 lines, more than 500; split it by idea"},
		"long function":      {"sizes", "events/more.go", "package events\n\nfunc f() {\n" + strings.Repeat("\n", 79) + "}\n", "events/more.go:3: f has 81 lines, more than 80"},
		"long test":          {"sizes", "events/more_test.go", "package events\n" + strings.Repeat("\n", 800), "events/more_test.go:800: the file has 801 lines, more than 800; split it by idea"},
		"file name":          {"names", "events/types.go", "package events\n", `events/types.go:1: "types" says nothing about what is inside`},
		"sleep":              {"calls", "events/more.go", "package events\n\nfunc f() { time.Sleep(1) }\n", "events/more.go:3: sleeps; wait in a select, so that it can be stopped"},
		"skip":               {"calls", "events/more_test.go", "package events\n\nfunc f() { t.Sk" + "ipf(\"\") }\n", "events/more_test.go:3: skips a test; a check that does not run proves nothing"},
		"init":               {"calls", "events/more.go", "package events\n\nfunc init() {}\n", "events/more.go:3: has an init function; let main say what there is"},
		"claim":              {"phrases", "README.md", "a\nDelivered EXACTLY-" + "once.\n", "README.md:2: claims what no broker can keep; say at least once, and what makes it harmless"},
		"unfinished":         {"phrases", "events/more.go", "package events\n\n// TO" + "DO: more\n", "events/more.go:3: is unfinished"},
		"top level":          {"top level", "notes.md", "", "notes.md: the top level is fixed; put it below one of its folders"},
		"program":            {"binaries", "deploy/x", "\x7fELF and so on", "deploy/x: is a program; the tree holds sources"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := sound()
			fsys[test.file] = &fstest.MapFile{Data: []byte(test.text)}
			tree, err := Load(fsys)
			if err != nil {
				t.Fatal(err)
			}
			for name, rule := range rules {
				list, err := rule(tree)
				if err != nil {
					t.Fatal(err)
				}
				var want []string
				if name == test.rule {
					want = []string{test.want}
				}
				if diff := cmp.Diff(want, list); diff != "" {
					t.Errorf("%s (-want +got)\n%s", name, diff)
				}
			}
		})
	}
}

func TestWhatIsMissing(t *testing.T) {
	t.Parallel()
	fsys := sound()
	delete(fsys, "LICENSE")
	tree, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	list, err := TopLevel(tree)
	if diff := cmp.Diff([]string{"LICENSE: is missing from the top level"}, list); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := Load(fstest.MapFS{"README.md": {}}); err == nil {
		t.Error("an empty tree passes")
	}
}

// Groups may share a comment, generated files may be long, and test files and
// programs need no comments.
func TestExceptions(t *testing.T) {
	t.Parallel()
	fsys := sound()
	for name, text := range map[string]string{
		"events/a.go":               "package events\n\n// Names of things.\nconst (\n\tA = 1\n\tB = 2\n)\n\n// T is.\ntype (\n\tT struct{}\n)\n\ntype t struct{}\n\nfunc (t) M() {}\n\nvar V = 1 // V is.\n",
		"events/b_gen.go":           "// Code generated by x. DO NOT EDIT.\n\npackage events\n" + strings.Repeat("\n", 1000),
		"events/c_test.go":          "package events\n\nfunc F() { time.Sleep(1) }\n",
		"services/millrace/more.go": "package main\n\nfunc F() {}\n",
		"pkg/bus/bustest/more.go":   "package bustest\n\nfunc f() { time.Sleep(1) }\n",
		"schemas/testdata/x.json":   "exactly" + " once",
		"services/stages/hash/h.go": "// Package hash hashes.\npackage hash\n\nimport \"github.com/millrace/millrace/pkg/stage\"\n",
		"pkg/stage/stage.go":        "// Package stage is the contract.\npackage stage\n",
		"pkg/client/client_test.go": "package client_test\n",
	} {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	for name, rule := range rules {
		if list, err := rule(tree); len(list) > 0 || err != nil {
			t.Errorf("%s: %q %v", name, list, err)
		}
	}
}
