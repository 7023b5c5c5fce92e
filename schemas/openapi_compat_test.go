package schemas

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// apiBreaks lists what in the change from one document to another breaks a client.
// Routes, optional parameters, members of answers and words of enums may come; texts
// may change. An incompatible change needs a new route beside the old one, which is
// deprecated.
func apiBreaks(old, current map[string]any) []string {
	c := apiComparison{old: old, current: current, doors: map[string]bool{}, reads: map[string]bool{}}
	was, is := apiOperations(old), apiOperations(current)
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if is[name].of == nil {
			c.list = append(c.list, name+": is gone")
			continue
		}
		c.operation(name, was[name].of, is[name].of)
	}
	c.components()
	return c.list
}

type apiComparison struct {
	old, current map[string]any
	list         []string
	// doors and reads are the schemas that what is sent and what is read refers to.
	doors, reads map[string]bool
}

func (c *apiComparison) report(at, text string) { c.list = append(c.list, at+": "+text) }

func (c *apiComparison) operation(at string, old, current map[string]any) {
	if old["operationId"] != current["operationId"] {
		c.report(at, "operationId was "+text(old["operationId"])+", is "+text(current["operationId"]))
	}
	c.parameters(at, c.parametersOf(c.old, old), c.parametersOf(c.current, current))
	c.security(at, old["security"], current["security"])
	c.body(at, members(old["requestBody"]), members(current["requestBody"]))
	for _, status := range slices.Sorted(maps.Keys(members(old["responses"]))) {
		was := resolve(c.old, members(old["responses"])[status])
		if !strings.HasPrefix(status, "2") {
			continue // which problems there are may change, with their codes
		}
		is := resolve(c.current, members(current["responses"])[status])
		if is == nil {
			c.report(at, "answer "+status+" is gone")
			continue
		}
		for _, name := range keys(was["headers"]) {
			if members(is["headers"])[name] == nil {
				c.report(at, "answer "+status+" lacks header "+name)
			}
		}
		c.contents(at+" "+status, was, is, false)
	}
}

// parametersOf returns those of an operation by place and name.
func (c *apiComparison) parametersOf(doc, op map[string]any) map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, p := range items(op["parameters"]) {
		p := resolve(doc, p)
		all[p["in"].(string)+" "+p["name"].(string)] = p
	}
	return all
}

func (c *apiComparison) parameters(at string, old, current map[string]map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if current[name] == nil {
			c.report(at, name+" is gone")
			continue
		}
		c.schema(at+" "+name, old[name]["schema"], current[name]["schema"], true)
	}
	for _, name := range slices.Sorted(maps.Keys(current)) {
		if current[name]["required"] == true && (old[name] == nil || old[name]["required"] != true) {
			c.report(at, name+" is newly required")
		}
	}
}

// security wants whoever was let in to be let in.
func (c *apiComparison) security(at string, old, current any) {
	if len(items(current)) == 0 {
		return
	}
	if len(items(old)) == 0 {
		c.report(at, "was open to everybody")
	}
	for _, one := range items(old) {
		if !slices.ContainsFunc(items(current), func(v any) bool { return cmp.Equal(one, v) }) {
			c.report(at, text(one)+" is no longer enough")
		}
	}
}

func (c *apiComparison) body(at string, old, current map[string]any) {
	if current["required"] == true && old["required"] != true {
		c.report(at, "a body is newly required")
	}
	c.contents(at+" body", old, current, true)
}

// contents compares bodies by media type: none may be gone.
func (c *apiComparison) contents(at string, old, current map[string]any, door bool) {
	was, is := members(old["content"]), members(current["content"])
	for _, t := range slices.Sorted(maps.Keys(was)) {
		if is[t] == nil {
			c.report(at, t+" is gone")
			continue
		}
		c.schema(at, members(was[t])["schema"], members(is[t])["schema"], door)
	}
}

// schema compares two schemas, and notes what the old one refers to.
func (c *apiComparison) schema(at string, old, current any, door bool) {
	seen := c.reads
	if door {
		seen = c.doors
	}
	c.follow(old, seen)
	s := comparison{door: door}
	s.compare(at, opened(old), opened(current))
	c.list = append(c.list, s.list...)
}

func (c *apiComparison) follow(v any, seen map[string]bool) {
	walk(v, func(m map[string]any) {
		ref, _ := m["$ref"].(string)
		name, ok := strings.CutPrefix(ref, "#/components/schemas/")
		if ok && !seen[name] {
			seen[name] = true
			c.follow(resolve(c.old, m), seen)
		}
	})
}

// components compares the schemas that others refer to: those of what is sent, and
// those of what is read.
func (c *apiComparison) components() {
	was := members(members(c.old["components"])["schemas"])
	is := members(members(c.current["components"])["schemas"])
	for _, name := range slices.Sorted(maps.Keys(was)) {
		for door, seen := range map[bool]map[string]bool{true: c.doors, false: c.reads} {
			if !seen[name] {
				continue
			}
			s := comparison{door: door}
			if s.compare(name, opened(was[name]), opened(is[name])); is[name] == nil {
				s.list = []string{name + ": is gone"}
			}
			c.list = append(c.list, s.list...)
		}
	}
	slices.Sort(c.list)
	c.list = slices.Compact(c.list)
}

// opened is a schema that does not say that it has no other members: that follows from
// where it is used.
func opened(v any) any {
	if l := items(v); l != nil {
		out := make([]any, len(l))
		for i := range l {
			out[i] = opened(l[i])
		}
		return out
	}
	m := members(v)
	if m == nil {
		return v
	}
	out := map[string]any{}
	for key, value := range m {
		if key != "additionalProperties" || value != false {
			out[key] = opened(value)
		}
	}
	return out
}

func TestAPIBreaks(t *testing.T) {
	t.Parallel()
	const q = `{"in":"query","name":"q","schema":{"type":"string","enum":["x","y"]}}`
	for name, test := range map[string]struct {
		from, to string
		want     []string
	}{
		"nothing":         {"", "", nil},
		"a new route":     {`"paths":{`, `"paths":{"/n":{"get":{"operationId":"n"}},`, nil},
		"a new parameter": {q, q + `,{"in":"query","name":"n","schema":{}}`, nil},
		"a new member":    {`"o":{`, `"n":{"type":"string"},"o":{`, nil},
		"a new word":      {`"two"]`, `"two","three"]`, nil},
		"more may":        {`"security":[{"key":["submit"]}]`, `"security":[{"key":["submit"]},{"key":["read"]}]`, nil},
		"a route gone":    {`"/t/{id}"`, `"/u/{id}"`, []string{"GET /t/{id}: is gone", "POST /t/{id}: is gone"}},
		"a method gone":   {`"post"`, `"put"`, []string{"POST /t/{id}: is gone"}},
		"another id":      {`"operationId":"b"`, `"operationId":"c"`, []string{`POST /t/{id}: operationId was "b", is "c"`}},
		"a parameter gone": {`,
			` + q, ``, []string{"GET /t/{id}: query q is gone"}},
		"a new required parameter": {q, q + `,{"in":"header","name":"H","required":true,"schema":{}}`, []string{"GET /t/{id}: header H is newly required"}},
		"now required":             {`"name":"q",`, `"name":"q","required":true,`, []string{"GET /t/{id}: query q is newly required"}},
		"a word of a query gone":   {`["x","y"]`, `["x"]`, []string{`GET /t/{id} query q: enum lacks "y"`}},
		"a scope gone":             {`{"key":["read"]},`, ``, []string{`GET /t/{id}: {"key":["read"]} is no longer enough`}},
		"a body required":          {`"requestBody":{`, `"requestBody":{"required":true,`, []string{"POST /t/{id}: a body is newly required"}},
		"a body gone":              {`"requestBody":{"content":{"application/json"`, `"requestBody":{"content":{"application/cbor"`, []string{"POST /t/{id} body: application/json is gone"}},
		"a member of a body gone":  {`"d":{"type":"number"}`, `"e":{"type":"number"}`, []string{"R/properties: d is gone"}},
		"a member required":        {`"R":{`, `"R":{"required":["p"],`, []string{`R: "p" is newly required`}},
		"a member of another type": {`"d":{"type":"number"}`, `"d":{"type":"integer"}`, []string{`R/properties/d: type was "number", is "integer"`}},
		"an answer gone":           {`"201"`, `"202"`, []string{"POST /t/{id}: answer 201 is gone"}},
		"a form of an answer gone": {`"application/yaml":{}`, `"text/yaml":{}`, []string{"GET /t/{id} 200: application/yaml is gone"}},
		"a header gone":            {`"ETag":{}`, ``, []string{"GET /t/{id}: answer 200 lacks header ETag"}},
		"an answer's member gone":  {`"o":{"type":"integer"}`, `"u":{"type":"integer"}`, []string{"T/properties: o is gone"}},
		"an answer's member loose": {`"T":{"type":"object","required":["m"],`, `"T":{"type":"object",`, []string{`T: "m" is no longer required, and readers count on it`}},
		"an answer's type":         {`"o":{"type":"integer"}`, `"o":{"type":"string"}`, []string{`T/properties/o: type was "integer", is "string"`}},
		"an answer's word gone":    {`["one","two"]`, `["one"]`, []string{`T/properties/m: enum lacks "two"`}},
		"another schema":           {`schemas/T"`, `schemas/R"`, []string{`GET /t/{id} 200: $ref was "#/components/schemas/T", is "#/components/schemas/R"`}},
	} {
		changed := strings.Replace(smallAPI, test.from, test.to, 1)
		if test.from != "" && changed == smallAPI {
			t.Fatalf("%s: the test changes nothing", name)
		}
		old, err := decode([]byte(smallAPI))
		if err != nil {
			t.Fatal(err)
		}
		current, err := decode([]byte(changed))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, apiBreaks(old.(map[string]any), current.(map[string]any))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
