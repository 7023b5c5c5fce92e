package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
)

// inspection looks for what is wrong with one expression.
type inspection struct {
	*checker
	snippet
	env *environment
	// reader is the step that the expression belongs to, nil for an output.
	reader *step
}

// placeOf returns where a location of the language stands in the file.
func (x *inspection) placeOf(l common.Location) position {
	offset := 0
	for i, line := range strings.Split(x.text, "\n") {
		if i+1 == l.Line() {
			return x.at(offset + max(l.Column(), 0))
		}
		offset += len([]rune(line)) + 1
	}
	return x.start()
}

// placeOfExpr returns where a part of the expression begins.
func (x *inspection) placeOfExpr(a *ast.AST, e ast.Expr) position {
	switch e.Kind() {
	case ast.SelectKind:
		dot := a.SourceInfo().GetStartLocation(e.ID())
		return x.placeOf(common.NewLocation(dot.Line(), dot.Column()+1))
	case ast.CallKind:
		call := e.AsCall()
		at := a.SourceInfo().GetStartLocation(e.ID())
		if name := call.FunctionName(); isName(name) {
			return x.placeOf(common.NewLocation(at.Line(), at.Column()-len(name)))
		}
		return x.placeOf(at)
	}
	return x.placeOf(a.SourceInfo().GetStartLocation(e.ID()))
}

// isName reports whether a function is called by name and is no operator or macro.
func isName(function string) bool {
	return function != "" && !strings.ContainsAny(function, "_@!-?[") &&
		function == strings.TrimSpace(function)
}

// length complains about an expression of too many parts.
func (x *inspection) length(parsed *cel.Ast) bool {
	count := 0
	x.env.walk(parsed.NativeRep().Expr(), nil, func(ast.Expr, bound) { count++ })
	if count > maxNodes {
		x.complain(ruleExprLong, x.start(), "", "%s has %d parts, more than %d", x.what, count, maxNodes)
	}
	return count <= maxNodes
}

// syntax reports the first thing that is not CEL: what follows is guesswork.
func (x *inspection) syntax(issues *cel.Issues) {
	first := issues.Errors()[0]
	message := strings.TrimPrefix(first.Message, "Syntax error: ")
	if before, _, found := strings.Cut(message, " expecting {"); found {
		message = before
	}
	x.complain(ruleExprSyntax, x.placeOf(first.Location), syntaxAdvice(x.text),
		"%s is not an expression: %s", x.what, oneLine(message))
}

var (
	wordOperator = regexp.MustCompile(`\b(and|or|not)\b`)
	assignment   = regexp.MustCompile(`[^=!<>]=[^=]`)
)

// syntaxAdvice guesses at what people write who know other languages.
func syntaxAdvice(text string) string {
	switch {
	case wordOperator.MatchString(text):
		return "write &&, || and !"
	case assignment.MatchString(text):
		return "compare with =="
	}
	return ""
}

// upstream complains about steps that the reader cannot read.
func (x *inspection) upstream(parsed *cel.Ast) {
	if x.reader == nil || x.cyclic {
		return
	}
	a := parsed.NativeRep()
	x.env.walk(a.Expr(), nil, func(e ast.Expr, vars bound) {
		if e.Kind() != ast.SelectKind {
			return
		}
		path, ok := x.env.path(e, vars)
		if !ok || len(path) != 2 || path[0] != "steps" {
			return
		}
		p := x.env.roots["steps"].record.field(path[1])
		same := func(s *step) bool { return s.id == path[1] }
		if p == nil || slices.ContainsFunc(x.reader.upstream, same) {
			return
		}
		hint := "add " + path[1] + " to needs"
		if path[1] == x.reader.id {
			hint = "read files for its inputs"
		}
		x.complain(ruleNotUpstream, x.placeOfExpr(a, e), hint, "%s reads step %s, which is not upstream",
			x.what, path[1])
	})
}

// cost complains about an expression that may take too long.
func (x *inspection) cost(checked *cel.Ast) {
	estimate, err := x.env.cel.EstimateCost(checked, estimator{x.env, checked})
	if err != nil {
		x.complain(ruleExprCost, x.start(), "", "the cost of %s cannot be told: %s", x.what,
			oneLine(err.Error()))
		return
	}
	if estimate.Max <= maxCost {
		return
	}
	how := fmt.Sprintf("%d", estimate.Max)
	if estimate.Max > 1e15 {
		how = "more than can be counted"
	}
	x.complain(ruleExprCost, x.start(),
		"bound strings and lists of params with maxLength and maxItems, or loop less",
		"%s may cost %s, more than %d", x.what, how, maxCost)
}
