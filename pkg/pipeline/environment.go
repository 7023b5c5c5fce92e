package pipeline

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	celenv "cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Limits of expressions.
const (
	// maxExpression is the greatest length of one, in characters.
	maxExpression = 4096
	// maxExpressions is how many a file has.
	maxExpressions = 1000
	// maxCost bounds the work of one evaluation, in units of the language of
	// expressions, of which a core does more than ten million in a second. An
	// expression that could need more for the largest values is refused with the
	// file; one that does need more fails its step.
	maxCost = 1_000_000
	// maxNodes and maxNesting bound how many parts one has and how deep they nest.
	maxNodes   = 1000
	maxNesting = 100
)

// noClock are functions that read time or depend on the zones of a machine.
var noClock = []string{
	"timestamp", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear",
	"getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds",
}

// environment is what the expressions of a pipeline may read and call.
type environment struct {
	cel *cel.Env
	// roots are the names and their shapes.
	roots map[string]*shape
	// records are the record types by name.
	records map[string]*record
	// params is the schema of the parameters, for the defaults. It may be nil.
	params *jsonschema.Schema
}

// newEnvironments returns the environment of steps and that of outputs.
func newEnvironments(
	params *jsonschema.Schema, declared *shape, steps []*step,
) (forSteps, forOutputs *environment, err error) {
	roots := map[string]*shape{
		"job":    jobRecord.shape(),
		"params": declared,
		"steps":  stepsRecord(steps).shape(),
	}
	forOutputs, err = newEnvironment(roots)
	if err != nil {
		return nil, nil, err
	}
	forOutputs.params = params
	all := map[string]*shape{"files": filesShape}
	for name, s := range roots {
		all[name] = s
	}
	extended, err := forOutputs.cel.Extend(cel.Variable("files", filesShape.typ))
	forSteps = &environment{cel: extended, roots: all, records: forOutputs.records, params: params}
	return forSteps, forOutputs, err
}

func newEnvironment(roots map[string]*shape) (*environment, error) {
	records := map[string]*record{}
	for _, s := range roots {
		s.records(records)
	}
	filesShape.records(records)
	var subset celenv.LibrarySubset
	for _, name := range noClock {
		subset.ExcludeFunctions = append(subset.ExcludeFunctions, celenv.NewFunction(name))
	}
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(&subset)),
		ext.Strings(ext.StringsVersion(5)),
		cel.CostModel(textCosts()...),
		cel.CustomTypeProvider(&provider{Provider: registry, records: records}),
		cel.CustomTypeAdapter(adapter{}),
		cel.CrossTypeNumericComparisons(true),
		cel.EnableIdentifierEscapeSyntax(),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(maxNesting),
		cel.ASTValidators(cel.ValidateRegexLiterals()),
	}
	for name, s := range roots {
		options = append(options, cel.Variable(name, s.typ))
	}
	e, err := cel.NewCustomEnv(options...)
	return &environment{cel: e, roots: roots, records: records}, err
}

// program makes an expression ready to run, within a cost limit.
func (e *environment) program(
	checked *cel.Ast, limit uint64, how cel.EvalOption,
) (cel.Program, error) {
	return e.cel.Program(checked, cel.EvalOptions(how), cel.CostLimit(limit),
		cel.CustomDecoratorV2(sortMaps))
}

// textCosts bounds the length of what numbers and the like look like as text.
func textCosts() []cost.OverloadModel {
	const longest = 32
	var out []cost.OverloadModel
	for _, id := range []string{
		overloads.BoolToString, overloads.IntToString, overloads.UintToString,
		overloads.DoubleToString, overloads.DurationToString,
	} {
		size := cost.ResultSize(cost.AtMost(cost.Const(longest)))
		out = append(out, cost.Overload(id, cost.EvalCost(cost.Const(1)), size))
	}
	return out
}
