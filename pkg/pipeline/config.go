package pipeline

import (
	"bytes"
	"errors"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// config checks `with` of a step against the schema of its stage.
func (c *checker) config(s *step) {
	if s.with != nil && !s.section.is(s.with, "with", kindObject) {
		return
	}
	if s.stage == nil {
		return
	}
	if len(bytes.TrimSpace(s.stage.Config)) == 0 {
		if s.with != nil && len(s.with.fields) > 0 {
			c.complain(ruleNoConfig, s.section.node.keyAt("with"), "remove with",
				"stage %s takes no configuration", s.uses)
		}
		return
	}
	sch := c.stageSchema(s)
	if sch == nil {
		return
	}
	with, at := s.with, s.section.node.keyAt("with")
	if with == nil {
		with, at = &node{kind: kindObject}, s.section.node.keyAt("uses")
	}
	m := &matcher{schema: sch, root: "with", open: with.open}
	var bad *jsonschema.ValidationError
	if err := sch.compiled.Validate(with.value()); !errors.As(err, &bad) {
		return
	}
	for _, f := range m.explain(bad) {
		place := at
		if s.with != nil {
			place = placeOf(s.with, at, f)
		}
		c.complain(ruleConfig, place, f.hint, "%s, by the schema of %s", f.message, s.uses)
	}
}

// placeOf returns where a mismatch is shown: at the key of the offending field.
// at is the place of root itself.
func placeOf(root *node, at position, f mismatch) position {
	n, place, _ := root.find(f.path)
	if n == root {
		place = at
	}
	if f.key != "" {
		return n.keyAt(f.key)
	}
	return place
}

// stageSchema compiles the schema of a step's stage, once for all steps.
func (c *checker) stageSchema(s *step) *schema {
	if sch, ok := c.schemas[s.uses]; ok {
		return sch
	}
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.stage.Config))
	var sch *schema
	if err == nil {
		sch, err = newSchema(raw)
	}
	if err != nil {
		c.complain(ruleStageSchema, s.section.node.keyAt("uses"), "report it to whoever wrote the stage",
			"the schema of stage %s is not valid: %s", s.uses, oneLine(err.Error()))
	}
	c.schemas[s.uses] = sch
	return sch
}

// open tells a matcher where the expressions of a value are.
func (n *node) open(path []string) (is, has bool) {
	for i := 0; ; i++ {
		if n.kind == kindText && hasExpression(n.text) {
			return true, true
		}
		if i == len(path) {
			return false, n.hasExpression()
		}
		next, _, ok := n.find(path[i : i+1])
		if !ok {
			return false, false
		}
		n = next
	}
}

// hasExpression reports whether the value is or contains an expression.
func (n *node) hasExpression() bool {
	if n.kind == kindText {
		return hasExpression(n.text)
	}
	for _, item := range n.items {
		if item.hasExpression() {
			return true
		}
	}
	for _, f := range n.fields {
		if f.value.hasExpression() {
			return true
		}
	}
	return false
}
