package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/millrace/millrace/events"
)

// Files holds every file of the registry by name: the schemas (*.v1.json),
// faults.json and its schema (faults.schema.json), and asyncapi.yaml.
//
//go:embed *.json asyncapi.yaml
var Files embed.FS

const suffix = ".v1.json"

// Names lists the schemas, in alphabetical order: "command", "dead_letter", …
func Names() []string {
	names, _ := fs.Glob(Files, "*"+suffix)
	for i, n := range names {
		names[i] = strings.TrimSuffix(n, suffix)
	}
	return names
}

// registry compiles a schema when it is first asked for. It is built by compiler
// and knows the embedded files and no others: a reference to a file of the
// machine or to an address is an error.
type registry struct {
	mu       sync.Mutex
	docs     map[string]any // by URL
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema // by name
}

var wire registry

// schema returns the compiled schema of a name, and the documents that
// violations of it point into.
func (r *registry) schema(name string) (*jsonschema.Schema, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.compiled[name]; s != nil {
		return s, nil
	}
	if r.compiler == nil {
		if err := r.load(); err != nil {
			return nil, err
		}
	}
	url := events.DataSchema(name)
	if r.docs[url] == nil {
		return nil, fmt.Errorf("schemas: no schema %q", name)
	}
	s, err := r.compiler.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("schemas: compile %s: %w", name, err)
	}
	r.compiled[name] = s
	return s, nil
}

// load reads the embedded schemas.
func (r *registry) load() error {
	docs := map[string]any{}
	c := newCompiler()
	for _, name := range Names() {
		data, err := Files.ReadFile(name + suffix)
		if err != nil {
			return err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("schemas: read %s: %w", name, err)
		}
		url := events.DataSchema(name)
		if err := c.AddResource(url, doc); err != nil {
			return fmt.Errorf("schemas: add %s: %w", name, err)
		}
		docs[url] = doc
	}
	r.compiler, r.docs, r.compiled = c, docs, map[string]*jsonschema.Schema{}
	return nil
}

// newCompiler returns a compiler that checks formats and encodings, and that
// loads nothing by itself.
func newCompiler() *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.AssertContent()
	c.UseLoader(sealed{})
	return c
}

// sealed is a loader that loads nothing.
type sealed struct{}

// Load refuses url.
func (sealed) Load(url string) (any, error) {
	return nil, fmt.Errorf("schemas: %s is not in the registry", url)
}

// decode reads one JSON value and keeps the digits of its numbers.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}
