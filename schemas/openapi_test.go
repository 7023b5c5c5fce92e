package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// openapiDocument reads an OpenAPI document.
func openapiDocument(t *testing.T, file string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if data, err = yaml.YAMLToJSON(data); err != nil {
		t.Fatal(err)
	}
	v, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return v.(map[string]any)
}

// methods are what a path of a document may have.
var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// apiOperation is an operation of a document.
type apiOperation struct {
	name, path string
	of         map[string]any
}

// apiOperations lists those of a document, by "METHOD path".
func apiOperations(doc map[string]any) map[string]apiOperation {
	all := map[string]apiOperation{}
	for path, item := range members(doc["paths"]) {
		for _, m := range methods {
			if op := members(item)[m]; op != nil {
				name := strings.ToUpper(m) + " " + path
				all[name] = apiOperation{name, path, members(op)}
			}
		}
	}
	return all
}

// members are those of an object; of anything else there are none.
func members(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func items(v any) []any {
	l, _ := v.([]any)
	return l
}

// resolve follows a reference inside a document. It returns nil when that leads nowhere.
func resolve(doc map[string]any, v any) map[string]any {
	ref, ok := members(v)["$ref"].(string)
	if !ok {
		return members(v)
	}
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	var at any = doc
	for key := range strings.SplitSeq(path, "/") {
		at = members(at)[strings.NewReplacer("~1", "/", "~0", "~").Replace(key)]
	}
	return members(at)
}

// flaws lists what an OpenAPI 3.1 document must not be.
func flaws(doc map[string]any) (list []string) {
	report := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if v, _ := doc["openapi"].(string); !strings.HasPrefix(v, "3.1.") {
		report("it is not OpenAPI 3.1")
	}
	for _, name := range []string{"title", "version"} {
		if members(doc["info"])[name] == nil {
			report("info has no %s", name)
		}
	}
	walk(doc, func(v map[string]any) {
		if ref, ok := v["$ref"].(string); ok && resolve(doc, v) == nil {
			report("%s leads nowhere", ref)
		}
	})
	ids := map[string]string{}
	all := apiOperations(doc)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		op := all[name]
		id, _ := op.of["operationId"].(string)
		switch {
		case id == "":
			report("%s: nothing is said of it; give it a row in a table of services/gateway/shapes*.go", name)
		case ids[id] != "":
			report("%s: operationId %q is that of %s too", name, id, ids[id])
		}
		ids[id] = name
		list = append(list, operationFlaws(doc, op)...)
	}
	return append(list, schemaFlaws(doc)...)
}

func operationFlaws(doc map[string]any, op apiOperation) (list []string) {
	report := func(format string, args ...any) {
		list = append(list, op.name+": "+fmt.Sprintf(format, args...))
	}
	seen := map[string]bool{}
	for _, p := range items(op.of["parameters"]) {
		p := resolve(doc, p)
		place := text(p["in"]) + " " + text(p["name"])
		if seen[place] || p["schema"] == nil {
			report("parameter %s is there twice, or has no schema", place)
		}
		seen[place] = true
		if slices.Contains([]any{"Accept", "Content-Type", "Authorization"}, p["name"]) {
			report("parameter %s stands elsewhere in the document", place)
		}
		if p["in"] == "path" && (p["required"] != true || !strings.Contains(op.path, "{"+p["name"].(string)+"}")) {
			report("path parameter %s is not required, or not in the path", place)
		}
	}
	for part := range strings.SplitSeq(op.path, "{") {
		if name, _, ok := strings.Cut(part, "}"); ok && !seen[`"path" "`+name+`"`] {
			report("path parameter %s is not declared", name)
		}
	}
	good := false
	for status, r := range members(op.of["responses"]) {
		good = good || strings.HasPrefix(status, "2")
		if resolve(doc, r)["description"] == nil {
			report("answer %s has no description", status)
		}
	}
	if !good {
		report("no answer is a good one")
	}
	for _, s := range items(op.of["security"]) {
		for scheme := range members(s) {
			if members(members(doc["components"])["securitySchemes"])[scheme] == nil {
				report("there is no security scheme %s", scheme)
			}
		}
	}
	return list
}

// schemaFlaws lists the schemas that are not JSON Schemas, and members that are
// required and not described.
func schemaFlaws(doc map[string]any) (list []string) {
	const address = "https://millrace.dev/openapi.json"
	data, err := json.Marshal(doc)
	if err != nil {
		return []string{err.Error()}
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return []string{err.Error()}
	}
	c := newCompiler()
	if err := c.AddResource(address, v); err != nil {
		return []string{err.Error()}
	}
	all := members(members(doc["components"])["schemas"])
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if _, err := c.Compile(address + "#/components/schemas/" + name); err != nil {
			list = append(list, name+": "+err.Error())
		}
		for _, r := range items(members(all[name])["required"]) {
			if members(members(all[name])["properties"])[r.(string)] == nil {
				list = append(list, fmt.Sprintf("%s: %s is required and not described", name, r))
			}
		}
	}
	return list
}

func TestOpenAPIIsSound(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"openapi.yaml", "released/v1/openapi.yaml"} {
		doc := openapiDocument(t, file)
		if len(apiOperations(doc)) < 50 {
			t.Errorf("%s has %d operations", file, len(apiOperations(doc)))
		}
		for _, flaw := range flaws(doc) {
			t.Errorf("%s: %s", file, flaw)
		}
	}
}

func TestFlawsOfOpenAPI(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ from, to, want string }{
		"nothing":               {"", "", ""},
		"another version":       {`"3.1.0"`, `"3.0.3"`, "it is not OpenAPI 3.1"},
		"a dead reference":      {`#/components/schemas/T`, `#/components/schemas/X`, "#/components/schemas/X leads nowhere"},
		"an id twice":           {`"operationId":"b"`, `"operationId":"a"`, `POST /t/{id}: operationId "a" is that of GET /t/{id} too`},
		"a silent route":        {`"operationId":"b",`, ``, `POST /t/{id}: nothing is said of it; give it a row in a table of services/gateway/shapes*.go`},
		"an undeclared part":    {`"name":"id"`, `"name":"di"`, `GET /t/{id}: path parameter id is not declared`},
		"an optional part":      {`"required":true`, `"required":false`, `GET /t/{id}: path parameter "path" "id" is not required, or not in the path`},
		"a header of its own":   {`"in":"query","name":"q"`, `"in":"header","name":"Accept"`, `GET /t/{id}: parameter "header" "Accept" stands elsewhere in the document`},
		"no good answer":        {`"201"`, `"404"`, "POST /t/{id}: no answer is a good one"},
		"an unknown scheme":     {`"security":[{"key"`, `"security":[{"kye"`, "GET /t/{id}: there is no security scheme kye"},
		"an undescribed member": {`"required":["m"]`, `"required":["n"]`, "T: n is required and not described"},
	} {
		changed := strings.Replace(smallAPI, test.from, test.to, 1)
		v, err := decode([]byte(changed))
		if err != nil || test.from != "" && changed == smallAPI {
			t.Fatalf("%s: %v, or the test changes nothing", name, err)
		}
		got := flaws(v.(map[string]any))
		if test.want == "" {
			if diff := cmp.Diff([]string(nil), got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		} else if !slices.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// smallAPI is a document of two operations.
const smallAPI = `{"openapi":"3.1.0","info":{"title":"T","version":"1"},"paths":{"/t/{id}":{
	"get":{"operationId":"a","parameters":[{"in":"path","name":"id","required":true,"schema":{"type":"string"}},
			{"in":"query","name":"q","schema":{"type":"string","enum":["x","y"]}}],
		"security":[{"key":["read"]},{"key":["submit"]}],
		"responses":{"200":{"description":"OK","headers":{"ETag":{}},"content":{
			"application/json":{"schema":{"$ref":"#/components/schemas/T"}},"application/yaml":{}}}}},
	"post":{"operationId":"b","parameters":[{"in":"path","name":"id","required":true,"schema":{"type":"string"}}],
		"security":[{"key":["submit"]}],
		"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/R"}}}},
		"responses":{"201":{"description":"Created"}}}}},
	"components":{"securitySchemes":{"key":{"type":"http","scheme":"bearer"}},"schemas":{
		"T":{"type":"object","required":["m"],"properties":{"m":{"type":"string","enum":["one","two"]},"o":{"type":"integer"}}},
		"R":{"type":"object","properties":{"p":{"type":"string"},"d":{"type":"number"}},"additionalProperties":false}}}}`
