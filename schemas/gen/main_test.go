package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// What is committed is what the schemas say. After a change of theirs, run
// go generate ./schemas.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	files, err := generate(os.DirFS(filepath.Join(root, "schemas")))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Fatalf("got %d files, want 3", len(files))
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not current, run go generate ./schemas (-want +got)\n%s", name, diff)
		}
	}
}

func TestRunWritesOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{"events", "pkg/fault"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(root, "schemas"), os.DirFS("..")); err != nil {
		t.Fatal(err)
	}
	if err := run(root); err != nil {
		t.Fatal(err)
	}
	types := filepath.Join(root, "events", "types_gen.go")
	if err := os.Chmod(types, 0o444); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(types)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(root); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(types)
	if err != nil {
		t.Fatal(err)
	}
	if !after.ModTime().Equal(before.ModTime()) {
		t.Error("a file that had not changed was written")
	}
}

// schemas makes a registry of one schema beside empty ones.
func schemas(one string) fstest.MapFS {
	fsys := fstest.MapFS{"faults.json": {Data: []byte("[]")}}
	for _, s := range sources {
		fsys[s+".v1.json"] = &fstest.MapFile{Data: []byte("{}")}
	}
	fsys["names.v1.json"] = &fstest.MapFile{Data: []byte(`{"$defs":{"token":{"type":"string"},"size":{"type":"integer","x-go-type":"int64"}}}`)}
	fsys["job.v1.json"] = &fstest.MapFile{Data: []byte(one)}
	return fsys
}

func TestTypes(t *testing.T) {
	t.Parallel()
	files, err := generate(schemas(`{
		"title": "Job", "description": "Job is a sample with a rather long description that has to be wrapped somewhere.",
		"type": "object", "required": ["id", "opt"],
		"properties": {
			"id": {"description": "ID is it.", "$ref": "names.v1.json#/$defs/token"},
			"opt": {"$ref": "#/$defs/Part"},
			"part": {"$ref": "#/$defs/Part"},
			"parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
			"free": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
			"named": {"type": "object", "patternProperties": {"^a$": {"type": "string"}}, "additionalProperties": false},
			"state": {"$ref": "#/$defs/State"},
			"url_size": {"$ref": "names.v1.json#/$defs/size"},
			"at": {"type": "string", "format": "date-time"},
			"data": {"type": "string", "contentEncoding": "base64"},
			"ok": {"type": "boolean"},
			"n": {"type": "integer"}
		},
		"$defs": {
			"Part": {"description": "Part is a part.", "type": "object", "properties": {"raw": {"x-go-type": "json.RawMessage"}}},
			"State": {"description": "State is a state.", "type": "string", "enum": ["rolled_back"], "x-go-group": "States.",
				"x-enum-descriptions": {"rolled_back": "is back."}}
		}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	_, got, _ := strings.Cut(string(files["events/types_gen.go"]), ")\n\n")
	want := `// Job is a sample with a rather long description that has to be wrapped
// somewhere.
type Job struct {
	// ID is it.
	ID      string              ` + "`json:\"id\"`" + `
	Opt     Part                ` + "`json:\"opt\"`" + `
	Part    *Part               ` + "`json:\"part,omitempty\"`" + `
	Parts   []Part              ` + "`json:\"parts,omitempty\"`" + `
	Free    map[string][]string ` + "`json:\"free,omitempty\"`" + `
	Named   map[string]string   ` + "`json:\"named,omitempty\"`" + `
	State   State               ` + "`json:\"state,omitempty\"`" + `
	URLSize int64               ` + "`json:\"url_size,omitempty\"`" + `
	At      time.Time           ` + "`json:\"at,omitzero\"`" + `
	Data    []byte              ` + "`json:\"data,omitempty\"`" + `
	Ok      bool                ` + "`json:\"ok,omitempty\"`" + `
	N       int                 ` + "`json:\"n,omitempty\"`" + `
}

// Part is a part.
type Part struct {
	Raw json.RawMessage ` + "`json:\"raw,omitempty\"`" + `
}

// State is a state.
type State string

// States.
const (
	// StateRolledBack is back.
	StateRolledBack State = "rolled_back"
)
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRefusesSchemas(t *testing.T) {
	t.Parallel()
	for want, one := range map[string]string{
		`job.v1.json: Job: the description must begin with the name`:      `{"title":"Job","description":"A job.","type":"object","properties":{}}`,
		`job.v1.json: Job.a: no Go type for it; give x-go-type`:           `{"title":"Job","description":"Job is.","type":"object","properties":{"a":{}}}`,
		`job.v1.json: Job.a: not a schema`:                                `{"title":"Job","description":"Job is.","type":"object","properties":{"a":true}}`,
		`job.v1.json: Job.a: #/$defs/X: leads nowhere`:                    `{"title":"Job","description":"Job is.","type":"object","properties":{"a":{"$ref":"#/$defs/X"}}}`,
		`job.v1.json: Job.a: x.v1.json: no such schema`:                   `{"title":"Job","description":"Job is.","type":"object","properties":{"a":{"$ref":"x.v1.json"}}}`,
		`job.v1.json: Job: neither an enum nor an object with properties`: `{"title":"Job","description":"Job is.","type":"object"}`,
		`job.v1.json: S: x-enum-descriptions lacks "a"`:                   `{"$defs":{"S":{"description":"S is.","type":"string","enum":["a"]}}}`,
		`job.v1.json: key "a" is given twice`:                             `{"a":1,"a":2}`,
		`job.v1.json: not an object`:                                      `[]`,
		`job.v1.json: something follows the object`:                       `{} {}`,
	} {
		if _, err := generate(schemas(one)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	fsys := schemas("{}")
	fsys["other.v1.json"] = fsys["job.v1.json"]
	if _, err := generate(fsys); err == nil || err.Error() != "not in the list of sources: other.v1.json" {
		t.Errorf("got %v", err)
	}
	delete(fsys, "other.v1.json")
	delete(fsys, "job.v1.json")
	if _, err := generate(fsys); err == nil || err.Error() != "job.v1.json is missing" {
		t.Errorf("got %v", err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	fsys := schemas("{}")
	fsys["faults.json"] = &fstest.MapFile{Data: []byte(`[{"code":"http.bad_io","class":"bug","status":500,"text":"it | broke","hint":"Mend it."}]`)}
	files, err := generate(fsys)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"pkg/fault/codes_gen.go": "\t// HTTPBadIO: it | broke.\n\tHTTPBadIO Code = \"http.bad_io\"\n",
		"schemas/FAULTS.md":      "| `http.bad_io` | bug | 500 | it \\| broke | Mend it. |\n",
	} {
		if !strings.Contains(string(files[name]), want) {
			t.Errorf("%s lacks %q:\n%s", name, want, files[name])
		}
	}
	fsys["faults.json"] = &fstest.MapFile{Data: []byte(`[{"code":"a.b"},{"code":"a.b"}]`)}
	if _, err := generate(fsys); err == nil || err.Error() != "faults.json: code a.b is given twice" {
		t.Errorf("got %v", err)
	}
}
