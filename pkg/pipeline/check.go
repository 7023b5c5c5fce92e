package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// APIVersion and Kind are what a pipeline file says of itself.
const (
	APIVersion = "millrace.dev/v1"
	Kind       = "Pipeline"
)

// Check reads a pipeline file. It returns every problem at once, in the order of
// their places, and a definition unless one of them is an error. file names the
// file in the diagnostics and is not opened. The stages are those that the file
// may use.
//
// Check is a function of its arguments alone and changes none of them. The definition
// has a copy of src.
func Check(file string, src []byte, stages []Stage) (*Definition, []Diagnostic) {
	c := &checker{
		report:  &report{file: file},
		stages:  stages,
		schemas: map[string]*schema{},
	}
	d := c.file(src)
	found := sortDiagnostics(c.found)
	if hasErrors(found) {
		return nil, found
	}
	return d, found
}

// Compile is [Check] for callers that need no more than an error. Fault:
// pipeline.invalid, whose cause is an [*Invalid] with all diagnostics. Warnings
// are no error.
func Compile(src []byte, stages []Stage) (*Definition, error) {
	d, found := Check("", src, stages)
	if d == nil {
		return nil, fault.New(fault.PipelineInvalid, "", &Invalid{Diagnostics: found})
	}
	return d, nil
}

// DigestOf returns the digest that names a version of a pipeline: "sha256:" and
// the hex digits of the SHA-256 of its source.
func DigestOf(src []byte) string {
	sum := sha256.Sum256(src)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// checker reads one file.
type checker struct {
	*report
	src    *source
	stages []Stage
	// schemas are the compiled schemas of stages, by what `uses` names; nil for
	// those that are broken.
	schemas map[string]*schema
	name    string
	steps   []*step
	// cyclic is true when steps need each other; what is upstream is then
	// everybody's guess.
	cyclic bool
	// count is how many expressions the file has.
	count int
	// tried is the cost of all conditions that were tried.
	tried uint64
}

// file reads the whole file. What it returns is of use only without errors.
func (c *checker) file(src []byte) *Definition {
	text, bad := newSource(src)
	if bad != nil {
		c.add(bad)
		return nil
	}
	c.src = text
	root := (&reader{report: c.report, src: text}).read()
	if root == nil {
		return nil
	}
	if root.kind != kindObject {
		c.complain(ruleEmpty, root.at, "begin with apiVersion: "+APIVersion,
			"a pipeline file is a mapping, not %s", root.kind)
		return nil
	}
	top := c.section(root, "the file", "apiVersion", "kind", "metadata", "spec")
	c.is(top, "apiVersion", ruleAPIVersion, APIVersion)
	c.is(top, "kind", ruleKind, Kind)
	d := &Definition{Source: slices.Clone(src), Digest: DigestOf(src)}
	c.metadata(top, d)
	c.spec(top, d)
	return d
}

// is complains when a field has not the one value it can have.
func (c *checker) is(top *section, name, rule, want string) {
	n := top.required(name)
	if n == nil {
		return
	}
	if n.kind != kindText || n.text != want {
		c.complain(rule, n.at, "write "+want, "%s is %s, not %s", name, want, describe(n))
	}
}

// spec reads the rest of the file into the definition.
func (c *checker) spec(top *section, d *Definition) {
	n := top.required("spec")
	if n == nil {
		return
	}
	spec := c.section(n, "spec", "input", "params", "deadline", "attention", "steps", "outputs")
	if spec == nil {
		return
	}
	d.input = c.input(spec)
	params := c.params(spec)
	c.steps = c.readSteps(spec, spec.attention(attention{}))
	c.link(c.steps)
	c.attentions(c.steps)
	deadline := spec.deadline(c.steps)
	declared := paramsShape(nil)
	switch {
	case params != nil:
		d.params = params
		d.ParamsSchema = spec.optional("params").rawJSON()
		declared = paramsShape(params.compiled)
	case spec.optional("params") != nil:
		declared = dynShape()
	}
	forSteps, forOutputs, err := newEnvironments(compiledOf(params), declared, c.steps)
	if err != nil {
		c.complain(ruleExprType, n.at, "", "expressions cannot be prepared: %s", oneLine(err.Error()))
		return
	}
	d.Plan = &flow.Plan{Name: d.Name, Digest: d.Digest, Deadline: deadline}
	compiled := make(map[*step]flow.Step, len(c.steps))
	for _, s := range c.steps {
		compiled[s] = c.compileStep(s, forSteps)
	}
	for _, s := range inOrder(c.steps) {
		d.Plan.Steps = append(d.Plan.Steps, compiled[s])
	}
	d.Plan.Outputs = c.outputs(spec, forOutputs)
}

// compileStep makes the step of the plan.
func (c *checker) compileStep(s *step, env *environment) flow.Step {
	c.config(s)
	out := flow.Step{
		ID:      s.id,
		Stage:   s.uses,
		Timeout: s.timeout,

		StallLimit: s.limits.stall,
		QueueLimit: s.limits.queue,
		TotalLimit: s.limits.total,
		Checkpoint: s.checkpoint,
		Retry:      s.retry,
		Attention:  s.attention.Attention,
		Critical:   s.critical,

		Irreversible: s.irreversible,
	}
	for _, n := range s.needs {
		out.Needs = append(out.Needs, n.step.id)
	}
	if s.stage != nil {
		out.Compensable = s.undoable()
		out.Fetches = s.stage.Fetches
	}
	if when := c.condition(s, env); when != nil {
		out.When = when
	}
	if with := c.template(s, env); with != nil {
		out.With = with
	}
	return out
}

// declaresUndo reports whether a step says how it is undone, if its stage wants it
// to say so.
func (s *step) declaresUndo() bool {
	if s.stage.UndoKey == "" {
		return true
	}
	declared := s.with.get(s.stage.UndoKey)
	return declared != nil && declared.kind != kindNull
}

func itoa(i int) string { return strconv.Itoa(i) }
