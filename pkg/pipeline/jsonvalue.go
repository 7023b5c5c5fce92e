package pipeline

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// jsonOf writes the value of an expression as JSON, no longer than a configuration
// may be. Maps and records are written in the order of their keys and fields.
func jsonOf(v ref.Val) ([]byte, error) { return appendValue(nil, v, 0) }

func appendValue(out []byte, v ref.Val, depth int) ([]byte, error) {
	if depth > maxDepth || len(out) > maxConfig {
		return nil, errors.New("the value is too large")
	}
	switch v := v.(type) {
	case types.Null:
		return append(out, "null"...), nil
	case types.Bool:
		return strconv.AppendBool(out, bool(v)), nil
	case types.Int:
		return strconv.AppendInt(out, int64(v), 10), nil
	case types.Uint:
		return strconv.AppendUint(out, uint64(v), 10), nil
	case types.Double:
		return appendDouble(out, float64(v))
	case types.String:
		return appendText(out, string(v)), nil
	case types.Bytes:
		return appendText(out, base64.StdEncoding.EncodeToString(v)), nil
	case types.Duration:
		text, _ := v.ConvertToType(types.StringType).(types.String)
		return appendText(out, string(text)), nil
	case *object:
		return appendObject(out, v, depth)
	case traits.Mapper:
		return appendMap(out, v, depth)
	case traits.Lister:
		return appendList(out, v, depth)
	}
	return nil, fmt.Errorf("a value of type %s has no JSON", v.Type().TypeName())
}

func appendDouble(out []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, errors.New("the number is not finite")
	}
	text, err := json.Marshal(f)
	return append(out, text...), err
}

func appendObject(out []byte, o *object, depth int) ([]byte, error) {
	if source, ok := o.source.(map[string]any); ok && o.record.open {
		return appendValue(out, dynamic(source), depth)
	}
	out = append(out, '{')
	first := true
	for _, name := range o.record.names() {
		v, err := o.read(name)
		if err != nil {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(appendText(out, name), ':')
		if out, err = appendValue(out, v, depth+1); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func appendMap(out []byte, m traits.Mapper, depth int) ([]byte, error) {
	out = append(out, '{')
	first := true
	for it := sorted(m).Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, fmt.Errorf("a key of type %s has no JSON", key.Type().TypeName())
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(appendText(out, string(name)), ':')
		var err error
		if out, err = appendValue(out, m.Get(key), depth+1); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func appendList(out []byte, l traits.Lister, depth int) ([]byte, error) {
	out = append(out, '[')
	first := true
	for it := l.Iterator(); it.HasNext() == types.True; {
		if !first {
			out = append(out, ',')
		}
		first = false
		var err error
		if out, err = appendValue(out, it.Next(), depth+1); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

// appendText writes a JSON string, without escapes that only browsers need.
func appendText(out []byte, s string) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return append(out, `""`...)
	}
	return append(out, strings.TrimSuffix(b.String(), "\n")...)
}

// appendNode writes a value of the file as JSON, in the order of the file.
func appendNode(out []byte, n *node) []byte {
	switch n.kind {
	case kindBool:
		return strconv.AppendBool(out, n.truth)
	case kindNumber:
		return append(out, n.text...)
	case kindText:
		return appendText(out, n.text)
	case kindList:
		out = append(out, '[')
		for i, item := range n.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendNode(out, item)
		}
		return append(out, ']')
	case kindObject:
		out = append(out, '{')
		for i, f := range n.fields {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendText(out, f.name), ':')
			out = appendNode(out, f.value)
		}
		return append(out, '}')
	}
	return append(out, "null"...)
}
