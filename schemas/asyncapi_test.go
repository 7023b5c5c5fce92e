package schemas

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/millrace/millrace/events"
)

// asyncapi reads the AsyncAPI document as JSON.
func asyncapi(t *testing.T) map[string]any {
	t.Helper()
	data, err := Files.ReadFile("asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data, err = yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	v, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return v.(map[string]any)
}

// at follows keys into a document.
func at(t *testing.T, v any, keys ...string) any {
	t.Helper()
	for _, key := range keys {
		m, _ := v.(map[string]any)
		if m[key] == nil {
			t.Fatalf("nothing at %s", strings.Join(keys, " / "))
		}
		v = m[key]
	}
	return v
}

func TestAsyncAPIIsValid(t *testing.T) {
	t.Parallel()
	const address = "http://asyncapi.com/definitions/3.0.0/asyncapi.json"
	data, err := os.ReadFile("testdata/asyncapi/3.0.0.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := newCompiler()
	if err := c.AddResource(address, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(address)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(asyncapi(t)); err != nil {
		t.Errorf("%#v", err)
	}
	broken := asyncapi(t)
	broken["channels"] = []any{}
	if s.Validate(broken) == nil {
		t.Error("a broken document passes too")
	}
}

// Every reference of the document leads somewhere: inside it, or to a schema.
func TestAsyncAPIReferences(t *testing.T) {
	t.Parallel()
	doc := asyncapi(t)
	count := 0
	walk(doc, func(object map[string]any) {
		ref, ok := object["$ref"].(string)
		if !ok {
			return
		}
		count++
		if name, outside := strings.CutPrefix(ref, "./"); outside {
			if _, err := Files.ReadFile(name); err != nil {
				t.Error(err)
			}
			return
		}
		at(t, doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	})
	if count < 40 {
		t.Errorf("found %d references, want more", count)
	}
}

// The document and package events spell the same subjects.
func TestAsyncAPIAddresses(t *testing.T) {
	t.Parallel()
	want := map[string]any{
		"submit":   events.SubmitSubject("{tenant}", "{pipeline}"),
		"answer":   nil,
		"events":   events.EventSubject("{tenant}", "{pipeline}", "{job}", "{kind}"),
		"live":     events.LiveSubject("{tenant}", "{job}", "{kind}"),
		"progress": events.ProgressSubject("{tenant}", "{job}", "{step}"),
		"control":  events.ControlSubject("{tenant}", "{job}"),
		"dead":     events.DeadSubject("{consumer}", "{tenant}"),
	}
	got := map[string]any{}
	for name, channel := range at(t, asyncapi(t), "channels").(map[string]any) {
		got[name] = channel.(map[string]any)["address"]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-package events +asyncapi.yaml)\n%s", diff)
	}
}

// Every example is valid: its payload by the schema that the message names, its
// headers by those that the document has. The bytes on the wire are the example's.
func TestAsyncAPIExamples(t *testing.T) {
	t.Parallel()
	doc := asyncapi(t)
	messages := at(t, doc, "components", "messages").(map[string]any)
	for name, m := range messages {
		schema := strings.TrimSuffix(strings.TrimPrefix(at(t, m, "payload", "schema", "$ref").(string), "./"), suffix)
		headers := headerSchema(t, doc, m.(map[string]any)["headers"])
		examples := map[string]map[string]any{}
		for _, e := range at(t, m, "examples").([]any) {
			example := e.(map[string]any)
			examples[example["name"].(string)] = example
			payload, err := json.Marshal(example["payload"])
			if err != nil {
				t.Fatal(err)
			}
			if list := Validate(schema, payload); list != nil {
				t.Errorf("%s %s: %s", name, example["name"], complaints(list))
			}
			if example["headers"] != nil {
				if err := headers.Validate(example["headers"]); err != nil {
					t.Errorf("%s %s: %v", name, example["name"], err)
				}
			}
		}
		wires := at(t, m, "x-wire").(map[string]any)
		for _, example := range slices.Sorted(maps.Keys(wires)) {
			t.Run(name+"/"+example, func(t *testing.T) {
				checkWire(t, wires[example].(string), examples[example])
			})
		}
	}
}

// headerSchema compiles the schema of the headers of a message.
func headerSchema(t *testing.T, doc map[string]any, headers any) *jsonschema.Schema {
	t.Helper()
	if headers == nil {
		headers = map[string]any{}
	}
	c := newCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	all := map[string]any{"components": doc["components"], "properties": map[string]any{"headers": headers}}
	if err := c.AddResource("https://millrace.dev/asyncapi", all); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("https://millrace.dev/asyncapi#/properties/headers")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkWire reads a message as the NATS protocol has it and compares it with the
// example of that name.
func checkWire(t *testing.T, text string, example map[string]any) {
	t.Helper()
	text = strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\r\n")
	control, rest, _ := strings.Cut(text, "\r\n")
	words := strings.Fields(control)
	if got := words[len(words)-1]; got != strconv.Itoa(len(rest)) {
		t.Errorf("%s: the length is %d", control, len(rest))
	}
	var headers any
	if strings.HasPrefix(words[0], "H") {
		var head string
		head, rest, _ = strings.Cut(rest, "\r\n\r\n")
		if got := words[len(words)-2]; got != strconv.Itoa(len(head)+4) {
			t.Errorf("%s: the length of the headers is %d", control, len(head)+4)
		}
		lines := strings.Split(head, "\r\n")
		if lines[0] != "NATS/1.0" {
			t.Errorf("the headers begin with %q", lines[0])
		}
		values := map[string]any{}
		for _, line := range lines[1:] {
			key, value, ok := strings.Cut(line, ": ")
			if _, twice := values[key]; twice || !ok {
				t.Errorf("header %q", line)
			}
			values[key] = value
		}
		headers = values
	}
	if diff := cmp.Diff(example["headers"], headers); diff != "" {
		t.Errorf("headers (-example +wire)\n%s", diff)
	}
	payload, err := decode([]byte(rest))
	if err != nil {
		t.Fatalf("payload %q: %v", rest, err)
	}
	if diff := cmp.Diff(example["payload"], payload); diff != "" {
		t.Errorf("payload (-example +wire)\n%s", diff)
	}
	if subject := words[1]; !strings.HasPrefix(subject, "_INBOX.") {
		tokens := strings.Split(subject, ".")
		if _, ok := events.Tokens(subject, tokens[1], len(tokens)-2); !ok {
			t.Errorf("subject %s", subject)
		}
	}
}
