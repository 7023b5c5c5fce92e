package pipeline

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

const (
	// maxOutputs bounds the outputs of a pipeline.
	maxOutputs = 100
	// maxOutputFiles bounds the files of one output.
	maxOutputFiles = 10_000
)

// output is a compiled output.
type output struct{ expr *expression }

// outputs compiles spec.outputs, in the order of the file.
func (c *checker) outputs(spec *section, env *environment) []flow.Output {
	n := spec.optional("outputs")
	if n == nil || !spec.is(n, "outputs", kindObject) {
		return nil
	}
	if len(n.fields) > maxOutputs {
		c.complain(ruleBounds, n.fields[maxOutputs].at, "", "the pipeline has %d outputs, more than %d",
			len(n.fields), maxOutputs)
		return nil
	}
	var out []flow.Output
	for _, f := range n.fields {
		c.token(&node{kind: kindText, at: f.at, text: f.name}, "the name of an output")
		if o := c.output(spec, f, env); o != nil {
			out = append(out, flow.Output{Name: f.name, Value: o})
		}
	}
	return out
}

func (c *checker) output(spec *section, f field, env *environment) *output {
	what := "output " + f.name
	if f.value.kind != kindText {
		c.complain(ruleOutputType, f.value.at, "write ${{ steps.x.files }}",
			"%s is an expression, not %s", what, f.value.kind)
		return nil
	}
	parts, unclosed := segments(f.value.text)
	places := c.src.places(f.value)
	if unclosed >= 0 {
		c.complain(ruleExprUnclosed, places[unclosed], "end it with }}", "%s has ${{ without }}", what)
		return nil
	}
	if len(parts) != 1 || !parts[0].expr {
		hint := "write ${{ steps.x.files }}"
		if len(parts) == 1 {
			hint = "write ${{ " + oneLine(parts[0].text) + " }}"
		}
		c.complain(ruleOutputType, f.value.at, hint, "%s is one expression and nothing else", what)
		return nil
	}
	expr := c.compile(snippet{text: parts[0].text, places: places[parts[0].offset:], what: what}, env,
		nil)
	if expr == nil {
		return nil
	}
	if t := expr.checked.OutputType(); !givesFiles(t) {
		c.complain(ruleOutputType, expr.start(), "read steps.x.files", "%s is not files but %s", what, t)
		return nil
	}
	return &output{expr}
}

// givesFiles reports whether values of a type can be files.
func givesFiles(t *cel.Type) bool {
	file := fileRecord.shape().typ
	for _, want := range []*cel.Type{file, filesShape.typ, cel.ListType(cel.DynType), cel.DynType} {
		if t.IsExactType(want) {
			return true
		}
	}
	return false
}

// Files returns the files of the output. Fault: pipeline.expression_failed.
func (o *output) Files(f flow.Facts) ([]events.File, error) {
	v, err := o.expr.value(f)
	if err != nil {
		return nil, err
	}
	files, err := filesOf(v)
	if err != nil {
		return nil, o.expr.failed(err)
	}
	return files, nil
}

// filesOf returns the files that a value stands for: one, or a list of them.
func filesOf(v ref.Val) ([]events.File, error) {
	if one, ok := v.(*object); ok {
		f, ok := one.source.(events.File)
		if !ok {
			return nil, errors.New("the value is not a file")
		}
		return []events.File{f}, nil
	}
	list, ok := v.(traits.Lister)
	if !ok {
		return nil, fmt.Errorf("the value is not a list of files but %s", v.Type().TypeName())
	}
	var files []events.File
	for it := list.Iterator(); it.HasNext() == types.True; {
		item, _ := it.Next().(*object)
		if item == nil {
			return nil, errors.New("the list has something that is not a file")
		}
		f, ok := item.source.(events.File)
		if !ok {
			return nil, errors.New("the list has something that is not a file")
		}
		if files = append(files, f); len(files) > maxOutputFiles {
			return nil, fmt.Errorf("the list has more than %d files", maxOutputFiles)
		}
	}
	return files, nil
}
