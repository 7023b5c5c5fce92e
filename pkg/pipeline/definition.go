package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// Limits of the parameters of a job.
const (
	// maxParams bounds their size, in bytes.
	maxParams = 64 << 10
	// maxValues bounds how many values there are, lists, objects and what is in them.
	maxValues = 5000
	// maxProblems bounds how many complaints are returned.
	maxProblems = 100
)

// Definition is one version of a pipeline, ready to run. Nothing changes it, and
// its methods may be called by several goroutines at once.
type Definition struct {
	// Name is how jobs ask for the pipeline; Digest names this version of it, see
	// [DigestOf].
	Name, Digest string
	// Description and Owner are for people.
	Description, Owner string
	// Labels are for finding the pipeline.
	Labels map[string]string
	// Source is the file.
	Source []byte
	// Plan is what package flow runs.
	Plan *flow.Plan
	// ParamsSchema is the JSON Schema of the parameters. Nil means that there are
	// none.
	ParamsSchema json.RawMessage

	params *schema
	input  input
}

// CheckParams complains about parameters that do not match the schema of the
// pipeline. Absent ones get their default first. Nil and null stand for none. The
// pointers lead into a submission: "/params/level". The code is
// submit.bad_params.
func (d *Definition) CheckParams(params json.RawMessage) []events.ProblemError {
	_, problems := d.resolve(params)
	return problems
}

// Params returns the parameters with the defaults of the absent ones, with sorted
// keys, or the complaints of [Definition.CheckParams].
//
// Expressions see the defaults whether or not a job's parameters went through
// here.
func (d *Definition) Params(params json.RawMessage) (json.RawMessage, []events.ProblemError) {
	object, problems := d.resolve(params)
	if len(problems) > 0 {
		return nil, problems
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(object); err != nil {
		return nil, paramProblem("/params", err.Error(), "")
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// resolve decodes and checks parameters and adds the defaults.
func (d *Definition) resolve(params json.RawMessage) (map[string]any, []events.ProblemError) {
	if len(params) > maxParams {
		return nil, paramProblem("/params",
			fmt.Sprintf("the parameters have %d bytes, more than %d", len(params), maxParams), "")
	}
	object, err := decodeParams(params)
	if err != nil {
		return nil, paramProblem("/params", err.Error(), "")
	}
	if countValues(object) > maxValues {
		return nil, paramProblem("/params",
			fmt.Sprintf("the parameters have more than %d values", maxValues), "")
	}
	if d.params == nil {
		if len(object) > 0 {
			return nil, paramProblem("/params", "the pipeline takes no parameters", "leave params out")
		}
		return object, nil
	}
	withDefaults(d.params.compiled, object)
	var bad *jsonschema.ValidationError
	if err := d.params.compiled.Validate(object); !errors.As(err, &bad) {
		return object, nil
	}
	m := &matcher{schema: d.params, root: "params"}
	var problems []events.ProblemError
	for _, f := range m.explain(bad) {
		path := append([]string{"params"}, f.path...)
		if f.key != "" {
			path = append(path, f.key)
		}
		problems = append(problems, paramProblem(pointer(path), f.message, f.hint)...)
	}
	return nil, problems[:min(len(problems), maxProblems)]
}

// countValues counts a value and all inside it.
func countValues(v any) int {
	count := 1
	switch v := v.(type) {
	case map[string]any:
		for _, item := range v {
			count += countValues(item)
		}
	case []any:
		for _, item := range v {
			count += countValues(item)
		}
	}
	return count
}

func paramProblem(pointer, detail, hint string) []events.ProblemError {
	return []events.ProblemError{{
		Pointer: pointer,
		Code:    string(fault.SubmitBadParams),
		Detail:  detail,
		Hint:    hint,
	}}
}

// decodeParams decodes an object, with numbers as [json.Number].
func decodeParams(params json.RawMessage) (map[string]any, error) {
	if len(bytes.TrimSpace(params)) == 0 {
		return map[string]any{}, nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(params))
	if err != nil {
		return nil, errors.New("the parameters are not JSON")
	}
	switch v := value.(type) {
	case nil:
		return map[string]any{}, nil
	case map[string]any:
		return v, nil
	}
	return nil, errors.New("the parameters are not an object")
}

func compiledOf(s *schema) *jsonschema.Schema {
	if s == nil {
		return nil
	}
	return s.compiled
}
