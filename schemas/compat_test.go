package schemas

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// doors are the schemas of what the mill takes in. What was valid there stays
// valid. Readers of all other schemas must find what they found before.
var doors = map[string]bool{"submission": true, "command": true, "outcome": true, "rule": true}

// schemaBreaks compares every released schema with the current one. An incompatible
// change needs a new version of the schema beside the old one.
func schemaBreaks(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("released/v1/*" + suffix)
	if err != nil {
		t.Fatal(err)
	}
	var names, list []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		released, err := decode(data)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), suffix)
		names = append(names, name)
		if !slices.Contains(Names(), name) {
			list = append(list, name+": was released and is gone")
			continue
		}
		list = append(list, breaks(name, released, document(t, name))...)
	}
	if diff := cmp.Diff(Names(), names); diff != "" {
		t.Errorf("copy new schemas to released/v1 when they are released (-current +released)\n%s", diff)
	}
	return list
}

// breaks lists what in the change from one schema document to another breaks
// someone. Descriptions, examples, titles and our own annotations may change.
func breaks(name string, old, current any) []string {
	c := comparison{door: doors[name]}
	c.compare(name, old, current)
	return c.list
}

type comparison struct {
	door bool
	list []string
}

func (c *comparison) report(at, format string, args ...any) {
	c.list = append(c.list, at+": "+fmt.Sprintf(format, args...))
}

// compare compares two schemas, and all that is in them.
func (c *comparison) compare(at string, old, current any) {
	o, isObject := old.(map[string]any)
	n, _ := current.(map[string]any)
	if !isObject || n == nil {
		if !cmp.Equal(old, current) {
			c.report(at, "was %s, is %s", text(old), text(current))
		}
		return
	}
	for _, keyword := range []string{
		"$ref", "type", "format", "pattern", "const", "contentEncoding", "oneOf", "not", "if", "then", "else",
	} {
		if !cmp.Equal(o[keyword], n[keyword]) {
			c.report(at, "%s was %s, is %s", keyword, text(o[keyword]), text(n[keyword]))
		}
	}
	c.required(at, o["required"], n["required"])
	c.enum(at, o["enum"], n["enum"])
	c.limits(at, o, n)
	for _, keyword := range []string{"properties", "patternProperties", "$defs"} {
		c.members(at+"/"+keyword, o[keyword], n[keyword])
	}
	for _, keyword := range []string{"items", "additionalProperties"} {
		if o[keyword] != nil || n[keyword] != nil {
			c.compare(at+"/"+keyword, o[keyword], n[keyword])
		}
	}
}

// members compares schemas by name: none may be gone.
func (c *comparison) members(at string, old, current any) {
	o, _ := old.(map[string]any)
	n, _ := current.(map[string]any)
	for _, key := range keys(o) {
		if n[key] == nil {
			c.report(at, "%s is gone", key)
			continue
		}
		c.compare(at+"/"+key, o[key], n[key])
	}
}

// required: nothing new may be asked of what exists, and what is sent goes on to
// have what it had.
func (c *comparison) required(at string, old, current any) {
	o, n := strs(old), strs(current)
	for _, key := range n {
		if !slices.Contains(o, key) {
			c.report(at, "%s is newly required", key)
		}
	}
	for _, key := range o {
		if !c.door && !slices.Contains(n, key) {
			c.report(at, "%s is no longer required, and readers count on it", key)
		}
	}
}

// enum: values are only added.
func (c *comparison) enum(at string, old, current any) {
	if old == nil && current != nil {
		c.report(at, "enum is new")
	}
	for _, value := range strs(old) {
		if !slices.Contains(strs(current), value) {
			c.report(at, "enum lacks %s", value)
		}
	}
}

// limits: none gets tighter.
func (c *comparison) limits(at string, o, n map[string]any) {
	for _, keyword := range []string{
		"maxLength", "maxItems", "maxProperties", "maximum", "minLength", "minItems", "minimum",
	} {
		if n[keyword] == nil || cmp.Equal(o[keyword], n[keyword]) {
			continue
		}
		was, err := number(o[keyword])
		is, err2 := number(n[keyword])
		upper := strings.HasPrefix(keyword, "max")
		if err != nil || err2 != nil || upper && is < was || !upper && is > was {
			c.report(at, "%s was %s, is %s", keyword, text(o[keyword]), text(n[keyword]))
		}
	}
}

func number(v any) (float64, error) {
	n, _ := v.(json.Number)
	return n.Float64()
}

func strs(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, s := range list {
		out = append(out, text(s))
	}
	return out
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func TestBreaks(t *testing.T) {
	t.Parallel()
	base := `{"type":"object","required":["a"],"properties":{
		"a":{"type":"string","maxLength":5,"enum":["x","y"]},"b":{"type":"array","items":{"type":"integer","minimum":1}}},
		"additionalProperties":false}`
	for name, test := range map[string]struct {
		schema, from, to string
		want             []string
	}{
		"nothing":             {"job", "", "", nil},
		"a new description":   {"job", `{"type":"string"`, `{"description":"A.","type":"string"`, nil},
		"a new property":      {"job", `"properties":{`, `"properties":{"c":{"type":"string"},`, nil},
		"a new enum value":    {"job", `["x","y"]`, `["x","z","y"]`, nil},
		"a wider limit":       {"submission", `"maxLength":5`, `"maxLength":6`, nil},
		"no limit":            {"submission", `,"maxLength":5`, ``, nil},
		"a tighter limit":     {"submission", `"maxLength":5`, `"maxLength":4`, []string{"submission/properties/a: maxLength was 5, is 4"}},
		"a new limit":         {"job", `"type":"array"`, `"type":"array","maxItems":3`, []string{"job/properties/b: maxItems was null, is 3"}},
		"a higher minimum":    {"job", `"minimum":1`, `"minimum":2`, []string{"job/properties/b/items: minimum was 1, is 2"}},
		"a property gone":     {"job", `"b":{`, `"c":{`, []string{"job/properties: b is gone"}},
		"a type changed":      {"job", `"integer"`, `"number"`, []string{`job/properties/b/items: type was "integer", is "number"`}},
		"an enum value gone":  {"job", `["x","y"]`, `["x"]`, []string{`job/properties/a: enum lacks "y"`}},
		"an enum gone":        {"job", `,"enum":["x","y"]`, ``, []string{`job/properties/a: enum lacks "x"`, `job/properties/a: enum lacks "y"`}},
		"newly required":      {"job", `["a"]`, `["a","b"]`, []string{`job: "b" is newly required`}},
		"no longer sent":      {"job", `"required":["a"],`, ``, []string{`job: "a" is no longer required, and readers count on it`}},
		"no longer asked for": {"submission", `"required":["a"],`, ``, nil},
		"opened":              {"submission", `"additionalProperties":false`, `"additionalProperties":true`, []string{"submission/additionalProperties: was false, is true"}},
	} {
		changed := strings.Replace(base, test.from, test.to, 1)
		if test.from != "" && changed == base {
			t.Fatalf("%s: the test changes nothing", name)
		}
		old, err := decode([]byte(base))
		if err != nil {
			t.Fatal(err)
		}
		current, err := decode([]byte(changed))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, breaks(test.schema, old, current)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
