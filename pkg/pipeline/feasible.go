package pipeline

import (
	"errors"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// Limits of trying conditions.
const (
	// mostCases bounds how many combinations of values a condition is tried with.
	mostCases = 1024
	// caseCost bounds the cost of one, and triesCost that of all of a file. What
	// costs more stays open.
	caseCost  = 10_000
	triesCost = 3_000_000
)

// choice is a value that an expression reads and all that it can be.
type choice struct {
	path []string
	// values has nil for a value that is not there.
	values []ref.Val
}

// cases are all combinations of what a condition reads and can be listed. The
// rest is unknown.
type cases struct {
	choices []choice
	unknown []*cel.AttributePatternType
}

// feasible tries a condition with every combination of values that can be listed,
// and leaves all others open. It complains when the condition is never true and
// when it always is.
func (x *inspection) feasible(checked *cel.Ast) {
	program, err := x.env.program(checked, caseCost, cel.OptPartialEval)
	if err != nil {
		return
	}
	all := x.cases(checked)
	never, always := true, true
	all.each(func(values []ref.Val) bool {
		switch x.try(program, all, values) {
		case types.True:
			never = false
		case types.False:
			always = false
		default:
			never, always = false, false
		}
		return never || always
	})
	switch {
	case never:
		x.complain(ruleNeverTrue, x.start(), "mend the condition, or remove the step",
			"%s is never true%s", x.what, all.text())
	case always:
		x.complain(ruleAlwaysTrue, x.start(), "leave it out", "%s is always true", x.what)
	}
}

// try evaluates with one combination: true, false (also for an error, which fails
// the step), or nil when it depends on what is unknown.
func (x *inspection) try(program cel.Program, all *cases, values []ref.Val) ref.Val {
	vars, err := cel.PartialVars(x.sample(all.choices, values), all.unknown...)
	if err != nil {
		return nil
	}
	if x.tried > triesCost {
		return nil
	}
	out, details, err := program.Eval(vars)
	if cost := details.ActualCost(); cost != nil {
		x.tried += *cost
	}
	var stopped interpreter.EvalCancelledError
	switch {
	case errors.As(err, &stopped), types.IsUnknown(out):
		return nil
	case err != nil:
		return types.False
	case out == types.True, out == types.False:
		return out
	}
	return nil
}

// sample makes the facts of one combination.
func (x *inspection) sample(choices []choice, values []ref.Val) *facts {
	job := &events.Job{Steps: map[string]events.Step{}}
	params := map[string]any{}
	for i, c := range choices {
		if values[i] == nil {
			continue
		}
		switch c.path[0] {
		case "params":
			at := params
			for _, name := range c.path[1 : len(c.path)-1] {
				inner, ok := at[name].(map[string]any)
				if !ok {
					inner = map[string]any{}
					at[name] = inner
				}
				at = inner
			}
			at[c.path[len(c.path)-1]] = values[i]
		case "steps":
			state, _ := values[i].Value().(string)
			job.Steps[c.path[1]] = events.Step{State: events.StepState(state)}
		case "job":
			job.Pipeline.Name, _ = values[i].Value().(string)
		}
	}
	return &facts{Facts: flow.Facts{Job: job}, env: x.env, params: x.env.roots["params"].wrap(params)}
}

// cases collects what a condition reads.
func (x *inspection) cases(checked *cel.Ast) *cases {
	out := &cases{}
	seen := map[string]bool{}
	count := 1
	inner := map[int64]bool{}
	x.env.walk(checked.NativeRep().Expr(), nil, func(e ast.Expr, vars bound) {
		if e.Kind() == ast.SelectKind && !inner[e.ID()] || e.Kind() == ast.IdentKind && !inner[e.ID()] {
			path, ok := x.env.path(e, vars)
			if !ok {
				return
			}
			for p := e; p.Kind() == ast.SelectKind; {
				p = p.AsSelect().Operand()
				inner[p.ID()] = true
			}
			if key := strings.Join(path, "\x00"); !seen[key] {
				seen[key] = true
				count = out.add(x, path, count)
			}
		}
	})
	return out
}

// add takes a path as a choice, or as unknown. count is how many cases there are.
func (c *cases) add(x *inspection, path []string, count int) int {
	for n := 2; n <= len(path); n++ {
		s, absent := x.choicesAt(path[:n])
		if s == nil || s.choices == nil {
			continue
		}
		values := s.choices
		if absent {
			values = append(slices.Clip(values), nil)
		}
		if count*len(values) > mostCases {
			break
		}
		same := func(have choice) bool { return slices.Equal(have.path, path[:n]) }
		if !slices.ContainsFunc(c.choices, same) {
			c.choices = append(c.choices, choice{path[:n], values})
			count *= len(values)
		}
		return count
	}
	pattern := cel.AttributePattern(path[0])
	for _, name := range path[1:] {
		pattern = pattern.QualString(name)
	}
	c.unknown = append(c.unknown, pattern)
	return count
}

// each calls try with every combination until it returns false.
func (c *cases) each(try func([]ref.Val) bool) {
	values := make([]ref.Val, len(c.choices))
	var walk func(i int) bool
	walk = func(i int) bool {
		if i == len(values) {
			return try(values)
		}
		for _, v := range c.choices[i].values {
			values[i] = v
			if !walk(i + 1) {
				return false
			}
		}
		return true
	}
	walk(0)
}

// text names the choices that were tried.
func (c *cases) text() string {
	var parts []string
	for _, ch := range c.choices {
		var texts []string
		for _, v := range ch.values {
			if v == nil {
				texts = append(texts, "absent")
				continue
			}
			texts = append(texts, valueText(v))
		}
		parts = append(parts, strings.Join(ch.path, ".")+" is "+oneOf(texts))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, "; ")
}
