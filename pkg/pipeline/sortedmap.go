package pipeline

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// sortedMap is a map that is walked in the order of its keys, so that an
// expression gives the same every time.
type sortedMap struct{ traits.Mapper }

// sorted makes a map a sorted one.
func sorted(m traits.Mapper) sortedMap {
	if s, ok := m.(sortedMap); ok {
		return s
	}
	return sortedMap{m}
}

func sortedTextMap(m map[string]ref.Val) ref.Val {
	out := make(map[ref.Val]ref.Val, len(m))
	for key, value := range m {
		out[types.String(key)] = value
	}
	return sortedMap{types.NewRefValMap(adapter{}, out)}
}

// Iterator walks over the keys.
func (m sortedMap) Iterator() traits.Iterator {
	var keys []ref.Val
	for it := m.Mapper.Iterator(); it.HasNext() == types.True; {
		keys = append(keys, it.Next())
	}
	slices.SortFunc(keys, compareKeys)
	return types.NewRefValList(adapter{}, keys).Iterator()
}

// compareKeys orders keys by type and then by value.
func compareKeys(a, b ref.Val) int {
	if c := strings.Compare(a.Type().TypeName(), b.Type().TypeName()); c != 0 {
		return c
	}
	if comparer, ok := a.(traits.Comparer); ok {
		if c, ok := comparer.Compare(b).(types.Int); ok {
			return int(c)
		}
	}
	return 0
}

// sortMaps makes the maps that an expression writes out sorted ones; those of
// the job are made by [adapter].
func sortMaps(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if c, ok := i.(interpreter.InterpretableConstructor); ok && c.Type() == types.MapType {
		return sortedConstructor{i}, nil
	}
	return i, nil
}

// sortedConstructor makes a sorted map.
type sortedConstructor struct{ interpreter.InterpretableV2 }

// Exec makes the map.
func (c sortedConstructor) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := c.InterpretableV2.Exec(frame)
	if m, ok := v.(traits.Mapper); ok {
		return sorted(m)
	}
	return v
}

// Eval makes the map.
func (c sortedConstructor) Eval(vars interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(vars, c.Exec)
}
