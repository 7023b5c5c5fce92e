package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/millrace/millrace/services/gateway"
)

// Every answer that a test of this package gets is held against the OpenAPI document:
// the status and the content type are declared, and JSON has the schema of the route
// and the status. Members that the schema does not have are refused here, though
// readers must expect them. So are requests that were accepted and should not have
// been, by the document.

// contract is the document, ready to be held against answers.
type contract struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

const contractURL = "https://millrace.dev/openapi.json"

// theContract reads the document once.
var theContract = sync.OnceValues(func() (*contract, error) {
	data, err := gateway.OpenAPI()
	if err != nil {
		return nil, err
	}
	if data, err = yaml.YAMLToJSON(data); err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	closeObjects(doc)
	c := &contract{doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource(contractURL, doc)
})

// closeObjects lets no object have members that its schema does not have.
func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if v["type"] == "object" && v["properties"] != nil {
			v["additionalProperties"] = false
		}
		for _, below := range v {
			closeObjects(below)
		}
	case []any:
		for _, below := range v {
			closeObjects(below)
		}
	}
}

// schema compiles what a pointer leads to.
func (c *contract) schema(pointer string) (*jsonschema.Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.compiled[pointer]; s != nil {
		return s, nil
	}
	s, err := c.compiler.Compile(contractURL + "#" + (&url.URL{Fragment: pointer}).EscapedFragment())
	if err == nil {
		c.compiled[pointer] = s
	}
	return s, err
}

// validate holds JSON against the schema that a pointer leads to.
func (c *contract) validate(pointer string, data []byte) error {
	s, err := c.schema(pointer)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// place is an operation of the document and the pointer to it.
type place struct {
	pointer string
	op      map[string]any
}

// find returns the operation that a request asks for.
func (c *contract) find(method, path string) (place, bool) {
	best, found := "", false
	paths := c.doc["paths"].(map[string]any)
	for p := range paths {
		if fits(p, path) && (!found || strings.Count(p, "{") < strings.Count(best, "{")) {
			best, found = p, true
		}
	}
	if !found {
		return place{}, false
	}
	item := paths[best].(map[string]any)
	verb := strings.ToLower(method)
	if item[verb] == nil && method == http.MethodHead {
		verb = "get"
	}
	op, ok := item[verb].(map[string]any)
	return place{"/paths/" + escape(best) + "/" + verb, op}, ok
}

func fits(template, path string) bool {
	want, got := strings.Split(strings.TrimSuffix(template, "/"), "/"), strings.Split(strings.TrimSuffix(path, "/"), "/")
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, "{") && g != "" })
}

func escape(s string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(s) }

// holds says in what an answer, and the request if it was accepted, break the contract.
func (c *contract) holds(a answer, sent []byte) error {
	p, ok := c.find(a.Request.Method, a.Request.URL.Path)
	if !ok {
		if a.StatusCode >= 400 {
			return c.refusal(a)
		}
		if a.Request.Method == http.MethodOptions && a.StatusCode == http.StatusNoContent {
			return nil
		}
		return fmt.Errorf("the document has no such route, and the answer is %d", a.StatusCode)
	}
	if a.StatusCode >= 400 {
		return c.refusal(a)
	}
	status := strconv.Itoa(a.StatusCode)
	r, ok := p.op["responses"].(map[string]any)[status].(map[string]any)
	if !ok {
		return fmt.Errorf("the document has no answer %s: add Give(%s, …) to its row in the table of shapes", status, status)
	}
	if err := c.accepted(p, a.Request, sent); err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	if err := declared(r, a.Header); err != nil {
		return err
	}
	content, _ := r["content"].(map[string]any)
	return c.body(p.pointer+"/responses/"+status, content, a)
}

// refusal holds a problem against its schema.
func (c *contract) refusal(a answer) error {
	if a.StatusCode == http.StatusRequestHeaderFieldsTooLarge {
		return nil // the server says that before the gateway hears of it
	}
	content := map[string]any{"application/problem+json": nil}
	return c.body("/components/responses/Problem", content, a)
}

// body holds the body of an answer against those that are declared.
func (c *contract) body(pointer string, content map[string]any, a answer) error {
	if a.Request.Method == http.MethodHead || len(a.body) == 0 && len(content) == 0 {
		return nil
	}
	t, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type %q: %w", a.Header.Get("Content-Type"), err)
	}
	if _, ok := content[t]; !ok {
		return fmt.Errorf("the document has no answer of type %s", t)
	}
	if t != "application/json" && t != "application/problem+json" {
		return nil
	}
	return c.validate(pointer+"/content/"+escape(t)+"/schema", a.body)
}

// declared wants every header that says something to be in the document.
func declared(r map[string]any, h http.Header) error {
	known, _ := r["headers"].(map[string]any)
	for _, name := range []string{
		"ETag", "Location", "Link", "Idempotency-Key", "Idempotency-Replayed", "Preference-Applied",
		"Content-Range", "Repr-Digest", "Upload-Offset", "Upload-Length", "Millrace-Job", "Millrace-Artifact",
	} {
		if h.Get(name) != "" && known[name] == nil {
			return fmt.Errorf("the document says nothing of header %s: add Tell to its row in the table of shapes", name)
		}
	}
	return nil
}

// accepted holds a request against what the document says of requests.
func (c *contract) accepted(p place, r *http.Request, sent []byte) error {
	var names, prefixes []string
	for _, each := range list(p.op["parameters"]) {
		param := each.(map[string]any)
		if param["in"] != "query" {
			continue
		}
		names = append(names, param["name"].(string))
		if param["schema"].(map[string]any)["type"] == "object" {
			prefixes = append(prefixes, param["name"].(string)+".")
		}
	}
	for name := range r.URL.Query() {
		if !slices.Contains(names, name) && !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return fmt.Errorf("the document has no parameter %s", name)
		}
	}
	t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if len(sent) == 0 || t != "application/json" {
		return nil
	}
	body, _ := p.op["requestBody"].(map[string]any)
	content, _ := body["content"].(map[string]any)
	if _, ok := content[t]; !ok {
		if content != nil {
			return nil // any type will do, and this one was taken for it
		}
		return fmt.Errorf("the document has no body of type %s: add Take to its row in the table of shapes", t)
	}
	return c.validate(p.pointer+"/requestBody/content/"+escape(t)+"/schema", sent)
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// keepsContract fails a test whose answer breaks the contract.
func keepsContract(t *testing.T, a answer, sent []byte) {
	t.Helper()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.holds(a, sent); err != nil {
		t.Errorf("%s %s answers %d against the OpenAPI document: %v\n%s",
			a.Request.Method, a.Request.URL, a.StatusCode, err, a.body)
	}
}

// known reads a body that is in memory, and returns it with what takes its place.
func known(body io.Reader) (io.Reader, []byte) {
	switch body.(type) {
	case *strings.Reader, *bytes.Reader:
		data, _ := io.ReadAll(body) // memory does not fail
		return bytes.NewReader(data), data
	}
	return body, nil
}

// TestRoutesKeepTheContract asks every route as who may do everything; the check is
// made by ask.
func TestRoutesKeepTheContract(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routeCases() {
		a := g.ask(t, r, g.names, "mill", "Millrace-Tenant", "a")
		if _, ok := c.find(r.method, a.Request.URL.Path); !ok {
			t.Errorf("%s is not in the document: give it a row in the table of shapes", r.name())
		}
		if a.StatusCode == http.StatusInternalServerError {
			t.Errorf("%s: %d %s", r.name(), a.StatusCode, a.body)
		}
	}
}

// TestContractFindsBreaks holds answers against the contract that break it.
func TestContractFindsBreaks(t *testing.T) {
	t.Parallel()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	made := func(status int, contentType, body string, headers ...string) answer {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://x/v1/rules", nil)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{"Content-Type": {contentType}}
		for i := 0; i < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return answer{&http.Response{StatusCode: status, Header: h, Request: req}, []byte(body)}
	}
	rule := `{"name":"x","match":{},"then":{},"reason":"y"%s}`
	for name, test := range map[string]struct {
		a    answer
		want string
	}{
		"as declared":       {made(200, "application/json", `{"rules":[`+fmt.Sprintf(rule, "")+`]}`), ""},
		"a new member":      {made(200, "application/json", `{"rules":[`+fmt.Sprintf(rule, `,"new":1`)+`]}`), "additional properties"},
		"null for a list":   {made(200, "application/json", `{"rules":null}`), "got null, want array"},
		"a member is gone":  {made(200, "application/json", `{}`), "missing property"},
		"another status":    {made(202, "application/json", `{"rules":[]}`), "no answer 202"},
		"another type":      {made(200, "text/html", `<p>`), "no answer of type text/html"},
		"a header":          {made(200, "application/json", `{"rules":[]}`, "ETag", `"1"`), "says nothing of header ETag"},
		"half of a problem": {made(404, "application/problem+json", `{"type":"x"}`), "missing propert"},
		"no problem":        {made(404, "text/plain", `not found`), "no answer of type text/plain"},
	} {
		err := c.holds(test.a, nil)
		if got := fmt.Sprint(err); test.want == "" && err != nil || !strings.Contains(got, test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestDocumentIsServed reads it in both notations, and again when it is known.
func TestDocumentIsServed(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	want, err := gateway.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	asYAML := ask(t, "GET", g.URL+"/openapi.yaml", nil)
	same(t, "YAML", string(asYAML.body), string(want))
	asJSON := ask(t, "GET", g.URL+"/openapi.json", nil)
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(asJSON.body, &doc); err != nil || doc.OpenAPI != "3.1.0" || doc.Paths["/v1/jobs"]["post"] == nil {
		t.Errorf("%v %.200s", err, asJSON.body)
	}
	for _, a := range []answer{asYAML, asJSON} {
		if a.StatusCode != 200 || !strings.HasPrefix(a.Header.Get("Cache-Control"), "public") {
			t.Errorf("%d %v", a.StatusCode, a.Header)
		}
		again := ask(t, "GET", a.Request.URL.String(), nil, "If-None-Match", a.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || len(again.body) > 0 {
			t.Errorf("%s again: %d, %d bytes", a.Request.URL, again.StatusCode, len(again.body))
		}
	}
}
