package pipeline

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/millrace/millrace/pkg/flow"
)

// facts gives an expression what it may read, when it asks for it. One value
// serves one evaluation.
type facts struct {
	flow.Facts
	env *environment
	// params are the parameters, once they were asked for.
	params ref.Val
}

// ResolveName returns the value of a root.
func (f *facts) ResolveName(name string) (any, bool) {
	switch name {
	case "job":
		return &object{record: jobRecord, source: f.Job}, true
	case "params":
		if f.params == nil {
			f.params = f.readParams()
		}
		return f.params, true
	case "steps":
		return &object{record: f.env.roots["steps"].record, source: f.Job}, true
	case "files":
		return f.Files, true
	}
	return nil, false
}

// readParams decodes the parameters of the job and adds the defaults.
func (f *facts) readParams() ref.Val {
	if f.Job == nil {
		return types.NewErr("there is no job")
	}
	params, err := decodeParams(f.Job.Params)
	if err != nil {
		return types.WrapErr(err)
	}
	return f.env.roots["params"].wrap(withDefaults(f.env.params, params))
}

// Parent returns nil: there is nothing behind.
func (f *facts) Parent() cel.Activation { return nil }
