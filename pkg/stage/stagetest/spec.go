package stagetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// testSpec checks the description, and the configurations of the cases against it.
func (k *Kit) testSpec(t *testing.T) {
	spec := k.Stage.Spec()
	if err := spec.Check(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spec, k.Stage.Spec()); diff != "" {
		t.Errorf("the spec changes: %s", diff)
	}
	if len(spec.Config) == 0 {
		return
	}
	schema := compile(t, spec)
	describes(t, spec)
	for _, c := range k.good(t) {
		if c.Config == "" {
			continue
		}
		if err := validate(schema, c.Config); err != nil {
			t.Errorf("the schema refuses the configuration of %q: %v", c.Name, err)
		}
	}
	if validate(schema, `{"no_such_option":true}`) == nil {
		t.Error("the schema accepts any option: it lacks additionalProperties: false")
	}
}

func compile(t *testing.T, spec stage.Spec) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(spec.Config))
	if err != nil {
		t.Fatalf("the schema is not JSON: %v", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource("config.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("config.json")
	if err != nil {
		t.Fatalf("the schema is none: %v", err)
	}
	return schema
}

// noLoader refuses references to other documents.
type noLoader struct{}

// Load refuses.
func (noLoader) Load(url string) (any, error) {
	return nil, errors.New("a schema of a stage stands by itself: " + url)
}

func validate(schema *jsonschema.Schema, config string) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(config)))
	if err != nil {
		return err
	}
	return schema.Validate(doc)
}

// describes checks that every option is explained.
func describes(t *testing.T, spec stage.Spec) {
	t.Helper()
	var schema struct {
		Properties map[string]struct {
			Description string `json:"description"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(spec.Config, &schema); err != nil {
		t.Fatal(err)
	}
	for name, p := range schema.Properties {
		if p.Description == "" {
			t.Errorf("option %q has no description", name)
		}
	}
}

// testBadConfig checks that what is no configuration is refused as such.
func (k *Kit) testBadConfig(t *testing.T) {
	always := []string{
		`[]`, `"text"`, `7`, `{`, `{} {}`, `{}x`, `{"no_such_option":true}`,
		`{"no_such_option":1,"no_such_option":2}`,
	}
	c := k.good(t)[0]
	job := NewJob(t, c).of(k.Stage.Spec())
	for _, config := range slices.Concat(always, k.BadConfigs) {
		task := job.Attempt()
		task.RawConfig = json.RawMessage(config)
		_, err := k.run(t.Context(), task)
		if fault.ClassOf(err) != fault.SchemaMismatch {
			t.Errorf("%s: got %v, want stage.bad_config", config, err)
		}
	}
}

// checkResult checks what holds for every result.
func (k *Kit) checkResult(t *testing.T, task *stage.Task, r stage.Result) {
	t.Helper()
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	spec := k.Stage.Spec()
	for key := range r.Findings {
		if !spec.Declares(key) {
			t.Errorf("finding %q is not declared", key)
		}
	}
	k.checkLittle(t, task, r)
	for _, f := range r.Files {
		size, err := task.Store.Stat(t.Context(), f.Digest)
		if err != nil || size != f.Size {
			t.Errorf("%s: the store has %d bytes and not %d, %v", f.Name, size, f.Size, err)
		}
	}
}

// littleBytes is how much a stage may hand on that says that it writes little.
const littleBytes = 64 << 10

// checkLittle holds a stage to its word that it writes little.
func (k *Kit) checkLittle(t *testing.T, task *stage.Task, r stage.Result) {
	t.Helper()
	if !k.Stage.Spec().WritesLittle {
		return
	}
	var written int64
	for _, f := range r.Files {
		if !slices.ContainsFunc(task.Files, func(in events.File) bool { return in.Digest == f.Digest }) {
			written += f.Size
		}
	}
	if written > littleBytes {
		t.Errorf("it says that it writes little, and has made files of %d bytes", written)
	}
}

// checkFault checks that a failure is the expected one, and declared.
func (k *Kit) checkFault(t *testing.T, want fault.Code, err error) {
	t.Helper()
	if !fault.Has(err, want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if err != nil && want != fault.StagePanic && !declares(k.Stage, want) {
		t.Errorf("fault %s is not declared", want)
	}
}

// declares reports whether the description of a stage lists a fault.
func declares(s stage.Stage, code fault.Code) bool {
	return slices.Contains(s.Spec().Faults, string(code))
}
