package schemas

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// messages are the schemas that messages have, with the Go type of each.
var messages = map[string]reflect.Type{
	"submission":   reflect.TypeFor[events.Submission](),
	"receipt":      reflect.TypeFor[events.Receipt](),
	"problem":      reflect.TypeFor[events.Problem](),
	"record":       reflect.TypeFor[events.Record](),
	"job":          reflect.TypeFor[events.Job](),
	"task":         reflect.TypeFor[events.Task](),
	"outcome":      reflect.TypeFor[events.AttemptOutcome](),
	"timer":        reflect.TypeFor[events.TimerFired](),
	"command":      reflect.TypeFor[events.Command](),
	"progress":     reflect.TypeFor[events.Progress](),
	"dead_letter":  reflect.TypeFor[events.DeadLetter](),
	"checkpoint":   reflect.TypeFor[events.Checkpoint](),
	"effect":       reflect.TypeFor[events.Effect](),
	"rule":         reflect.TypeFor[events.Rule](),
	"breaker":      reflect.TypeFor[events.Breaker](),
	"notification": reflect.TypeFor[events.Notification](),
	"decision":     reflect.TypeFor[events.DecisionRecord](),
}

// parts are the schemas that others refer to.
var parts = []string{"names", "file", "fault"}

// document reads a schema as it is in the registry.
func document(t *testing.T, name string) map[string]any {
	t.Helper()
	data, err := Files.ReadFile(name + suffix)
	if err != nil {
		t.Fatal(err)
	}
	v, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return v.(map[string]any)
}

func TestRegistryIsComplete(t *testing.T) {
	t.Parallel()
	want := append(slices.Collect(maps.Keys(messages)), parts...)
	slices.Sort(want)
	if diff := cmp.Diff(want, Names()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, name := range Names() {
		if _, err := wire.schema(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		doc := document(t, name)
		if doc["$id"] != events.DataSchema(name) {
			t.Errorf("%s: $id is %v, want %s", name, doc["$id"], events.DataSchema(name))
		}
		if pointer, detail := scanned(t, name); detail != "" {
			t.Errorf("%s: %s %s", name, pointer, detail)
		}
	}
}

func scanned(t *testing.T, name string) (pointer, detail string) {
	t.Helper()
	data, err := Files.ReadFile(name + suffix)
	if err != nil {
		t.Fatal(err)
	}
	_, pointer, detail = scan(data, nil)
	return pointer, detail
}

// Every example is valid, and going through the Go type leaves it as it is.
func TestExamples(t *testing.T) {
	t.Parallel()
	for name, typ := range messages {
		examples, _ := document(t, name)["examples"].([]any)
		if len(examples) == 0 {
			t.Errorf("%s has no example", name)
		}
		for _, example := range examples {
			data, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			if list := Validate(name, data); list != nil {
				t.Errorf("%s: %s\n%s", name, data, complaints(list))
			}
			v := reflect.New(typ)
			if err := json.Unmarshal(data, v.Interface()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			again, err := json.Marshal(v.Interface())
			if err != nil {
				t.Fatal(err)
			}
			got, err := decode(again)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(example, got); diff != "" {
				t.Errorf("%s: (-example +through Go)\n%s", name, diff)
			}
		}
	}
}

func TestValidateOpenMessages(t *testing.T) {
	t.Parallel()
	if list := Validate("progress", []byte(`{"job":"a","tenant":"b","step":"c","attempt":1,"done":5,"time":"2026-01-02T03:04:05Z","new":1}`)); list != nil {
		t.Errorf("what the mill sends may grow: %s", complaints(list))
	}
	if list := Validate("progress", []byte(`{"job":"a","tenant":"b","step":"c","attempt":1,"time":"2026-01-02T03:04:05Z"}`)); complaints(list) != `bus.undecodable: "done" is missing` {
		t.Errorf("got %s", complaints(list))
	}
	if list := Validate("nonesuch", []byte(`{}`)); len(list) != 1 || list[0].Code != string(fault.InternalBug) {
		t.Errorf("got %v", list)
	}
}

// A schema that is closed at a door lists the fields once more; both lists agree.
func TestClosedDoorsListEveryField(t *testing.T) {
	t.Parallel()
	for _, door := range []struct{ name, pointer string }{
		{"submission", "/properties/files/items"},
		{"command", ""},
		{"outcome", ""},
		{"outcome", "/properties/files/items"},
		{"outcome", "/properties/fault"},
	} {
		wire.rootCode(door.name) // loads the registry
		path := wire.lookup(events.DataSchema(door.name) + "#" + door.pointer)
		closed := path[len(path)-1]
		target := map[string]string{
			"submission/properties/files/items": "submission#/$defs/Source",
			"command":                           "command#/$defs/Command",
			"outcome":                           "outcome#/$defs/AttemptOutcome",
			"outcome/properties/files/items":    "file#",
			"outcome/properties/fault":          "fault#",
		}[door.name+door.pointer]
		name, pointer, _ := strings.Cut(target, "#")
		open := wire.lookup(events.DataSchema(name) + "#" + pointer)
		if diff := cmp.Diff(keys(open[len(open)-1]["properties"]), keys(closed["properties"])); diff != "" {
			t.Errorf("%s%s (-fields +listed)\n%s", door.name, door.pointer, diff)
		}
		if closed["additionalProperties"] != false {
			t.Errorf("%s%s is not closed", door.name, door.pointer)
		}
	}
}

func keys(v any) []string {
	m, _ := v.(map[string]any)
	return slices.Sorted(maps.Keys(m))
}

// Every code that a schema names is registered.
func TestFaultsOfSchemas(t *testing.T) {
	t.Parallel()
	found := 0
	for _, name := range Names() {
		walk(document(t, name), func(object map[string]any) {
			for _, code := range codesOf(object["x-fault"]) {
				found++
				if fault.Code(code).Info().Hint == "" {
					t.Errorf("%s: %s is not in faults.json", name, code)
				}
			}
		})
	}
	if found == 0 {
		t.Error("no schema names a fault")
	}
}

func codesOf(annotation any) []string {
	switch x := annotation.(type) {
	case string:
		return []string{x}
	case map[string]any:
		var codes []string
		for _, v := range x {
			codes = append(codes, v.(string))
		}
		return codes
	}
	return nil
}

func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, below := range v {
			walk(below, visit)
		}
	case []any:
		for _, below := range v {
			walk(below, visit)
		}
	}
}

func TestClassesAgree(t *testing.T) {
	t.Parallel()
	defs := document(t, "fault")["$defs"].(map[string]any)
	var want []any
	for _, c := range fault.Classes() {
		want = append(want, string(c))
	}
	if diff := cmp.Diff(want, defs["class"].(map[string]any)["enum"]); diff != "" {
		t.Errorf("(-package fault +fault.v1.json)\n%s", diff)
	}
}

func TestFaultsFile(t *testing.T) {
	t.Parallel()
	c := newCompiler()
	for _, name := range []string{"faults.schema.json", "fault.v1.json"} {
		addFile(t, c, name)
	}
	s, err := c.Compile("https://millrace.dev/schemas/faults.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	data, err := Files.ReadFile("faults.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Error(err)
	}
	if s.Validate([]any{map[string]any{"code": "a.b"}}) == nil {
		t.Error("an entry without class passes")
	}
}

func addFile(t *testing.T, c *jsonschema.Compiler, name string) {
	t.Helper()
	data, err := Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource("https://millrace.dev/schemas/"+name, doc); err != nil {
		t.Fatal(err)
	}
}

// A reference that leaves the registry is refused: nothing is read from the disk
// or the network.
func TestLoaderIsSealed(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{
		"file:///etc/passwd", "/etc/passwd", "http://127.0.0.1:1/x.json", "https://example.org/x.json", "nonesuch.v1.json",
	} {
		c := newCompiler()
		if err := c.AddResource("https://millrace.dev/schemas/x.v1.json", map[string]any{"$ref": ref}); err != nil {
			t.Fatal(err)
		}
		_, err := c.Compile("https://millrace.dev/schemas/x.v1.json")
		if err == nil || !strings.Contains(err.Error(), "is not in the registry") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestEveryPropertyIsDescribed(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		doc := document(t, name)
		defs, _ := doc["$defs"].(map[string]any)
		for key, def := range defs {
			described(t, name+"#"+key, def.(map[string]any))
		}
		if doc["title"] != nil {
			described(t, name, doc)
		}
	}
}

func described(t *testing.T, where string, s map[string]any) {
	t.Helper()
	if s["description"] == nil {
		t.Errorf("%s has no description", where)
	}
	props, _ := s["properties"].(map[string]any)
	for key, p := range props {
		if text, _ := p.(map[string]any)["description"].(string); !strings.HasSuffix(text, ".") {
			t.Errorf("%s.%s has no description that ends with a period", where, key)
		}
	}
}
