package pipeline

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	jskind "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

var typeWords = map[string]string{
	"array":   "a list",
	"boolean": "true or false",
	"integer": "a whole number",
	"null":    "null",
	"number":  "a number",
	"object":  "a mapping",
	"string":  "a string",
}

// say puts a mismatch into words that follow the name of the value.
func say(k jsonschema.ErrorKind) (message, hint string) {
	switch k := k.(type) {
	case *jskind.Type:
		var want []string
		for _, t := range k.Want {
			want = append(want, typeWords[t])
		}
		hint = "it takes " + strings.Join(want, " or ")
		if contains(k.Want, "string") && (k.Got == "number" || k.Got == "boolean") {
			hint += ": put it in quotes"
		}
		return "is " + typeWords[k.Got], hint
	case *jskind.Enum:
		return "cannot be " + jsonText(k.Got), enumHint(k.Got, k.Want)
	case *jskind.Const:
		return "cannot be " + jsonText(k.Got), "write " + jsonText(k.Want)
	case *jskind.Pattern:
		return "does not match the pattern " + k.Want, ""
	case *jskind.Format:
		return fmt.Sprintf("is not a valid %s", k.Want), ""
	case *jskind.FalseSchema:
		return "is not allowed", "remove it"
	case *jskind.UniqueItems:
		return fmt.Sprintf("has equal items %d and %d", k.Duplicates[0], k.Duplicates[1]), ""
	case *jskind.MultipleOf:
		return fmt.Sprintf("is not a multiple of %s", ratText(k.Want)), ""
	case *jskind.Not:
		return "has a form that is not allowed", ""
	case *jskind.OneOf:
		return "has several forms at once of which it may have one", ""
	case *jskind.DependentRequired:
		return fmt.Sprintf("lacks %s, which %s asks for", strings.Join(k.Missing, ", "), k.Prop), ""
	}
	if message = sayBounds(k); message != "" {
		return message, ""
	}
	return "does not match " + strings.Join(k.KeywordPath(), "/"), ""
}

func sayBounds(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *jskind.MinLength:
		return fmt.Sprintf("has %d characters, fewer than %d", k.Got, k.Want)
	case *jskind.MaxLength:
		return fmt.Sprintf("has %d characters, more than %d", k.Got, k.Want)
	case *jskind.MinItems:
		return fmt.Sprintf("has %d items, fewer than %d", k.Got, k.Want)
	case *jskind.MaxItems:
		return fmt.Sprintf("has %d items, more than %d", k.Got, k.Want)
	case *jskind.MinProperties:
		return fmt.Sprintf("has %d fields, fewer than %d", k.Got, k.Want)
	case *jskind.MaxProperties:
		return fmt.Sprintf("has %d fields, more than %d", k.Got, k.Want)
	case *jskind.Minimum:
		return fmt.Sprintf("is %s, less than %s", ratText(k.Got), ratText(k.Want))
	case *jskind.Maximum:
		return fmt.Sprintf("is %s, more than %s", ratText(k.Got), ratText(k.Want))
	case *jskind.ExclusiveMinimum:
		return fmt.Sprintf("is %s, not more than %s", ratText(k.Got), ratText(k.Want))
	case *jskind.ExclusiveMaximum:
		return fmt.Sprintf("is %s, not less than %s", ratText(k.Got), ratText(k.Want))
	}
	return ""
}

func enumHint(got any, want []any) string {
	var texts, names []string
	for _, w := range want {
		texts = append(texts, jsonText(w))
		if s, ok := w.(string); ok {
			names = append(names, s)
		}
	}
	if s, ok := got.(string); ok {
		if hint := didYouMean(s, names); hint != "" {
			return hint
		}
	}
	return "write " + oneOf(texts)
}

// jsonText writes a value for a message: strings in quotes, lists and mappings
// by their kind.
func jsonText(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case []any:
		return "this list"
	case map[string]any:
		return "this mapping"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func ratText(r *big.Rat) string {
	if r == nil {
		return "nothing"
	}
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return fmt.Sprintf("%g", f)
}
