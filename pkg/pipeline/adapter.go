package pipeline

import (
	"encoding/json"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/millrace/millrace/events"
)

// adapter turns Go values into values for expressions. Its maps are sorted ones.
type adapter struct{}

// NativeToValue converts what the other types of this package hand out, and
// anything that the language itself knows.
func (a adapter) NativeToValue(v any) ref.Val {
	switch v := v.(type) {
	case ref.Val:
		return v
	case json.Number:
		return numberValue(v)
	case events.File:
		return &object{record: fileRecord, source: v}
	case events.Step:
		return &object{record: stepRecord, source: v}
	case []events.File:
		return types.NewDynamicList(a, v)
	case map[string]string:
		return sortedMap{types.NewStringStringMap(a, v)}
	case map[string]any:
		return sortedMap{types.NewStringInterfaceMap(a, v)}
	case map[ref.Val]ref.Val:
		return sortedMap{types.NewRefValMap(a, v)}
	case []any:
		return types.NewDynamicList(a, v)
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// dynamic converts a value of no declared type.
func dynamic(v any) ref.Val { return adapter{}.NativeToValue(v) }

// numberValue reads whole numbers as int and others as double.
func numberValue(n json.Number) ref.Val {
	if !strings.ContainsAny(n.String(), ".eE") {
		if i, err := n.Int64(); err == nil {
			return types.Int(i)
		}
	}
	f, err := n.Float64()
	if err != nil {
		return types.NewErr("the number %s is too large", n)
	}
	return types.Double(f)
}
