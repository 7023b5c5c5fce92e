package pipeline

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// refVal is a value of an expression.
type refVal = ref.Val

// object is a value of a record type. Its fields are read from a Go value when
// they are asked for.
type object struct {
	record *record
	source any
}

// read returns the value of a field. It returns an error for one that is not
// there.
func (o *object) read(name string) (ref.Val, error) {
	p := o.record.field(name)
	if p == nil {
		if source, ok := o.source.(map[string]any); ok && o.record.open {
			if v, have := source[name]; have {
				return dynamic(v), nil
			}
		}
		return nil, fmt.Errorf("there is no %s", name)
	}
	v, ok := p.get(o.source)
	if !ok {
		return nil, fmt.Errorf("%s is not set", name)
	}
	return p.shape.wrap(v), nil
}

// has reports whether a field is there.
func (o *object) has(name string) bool {
	_, err := o.read(name)
	return err == nil
}

// Get reads a field whose record is not known when the expression is compiled.
func (o *object) Get(index ref.Val) ref.Val {
	name, ok := index.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(index)
	}
	v, err := o.read(string(name))
	if err != nil {
		return types.WrapErr(err)
	}
	return v
}

// IsSet reports whether a field is there, for has().
func (o *object) IsSet(field ref.Val) ref.Val {
	name, ok := field.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(field)
	}
	return types.Bool(o.has(string(name)))
}

// Equal compares all fields.
func (o *object) Equal(other ref.Val) ref.Val {
	b, ok := other.(*object)
	if !ok || b.record.name != o.record.name {
		return types.False
	}
	for i := range o.record.fields {
		name := o.record.fields[i].name
		v, errA := o.read(name)
		w, errB := b.read(name)
		if (errA == nil) != (errB == nil) {
			return types.False
		}
		if errA == nil && v.Equal(w) != types.True {
			return types.False
		}
	}
	return types.True
}

// ConvertToNative gives only itself: what leaves an expression is converted by
// [jsonOf].
func (o *object) ConvertToNative(want reflect.Type) (any, error) {
	if reflect.TypeOf(o).AssignableTo(want) {
		return o, nil
	}
	return nil, fmt.Errorf("%s cannot become %v", o.record.name, want)
}

// ConvertToType gives the type.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return types.NewObjectType(o.record.name)
	}
	if t.TypeName() == o.record.name {
		return o
	}
	return types.NewErr("%s cannot become %s", o.record.name, t.TypeName())
}

// Type returns the record type.
func (o *object) Type() ref.Type { return types.NewObjectType(o.record.name) }

// Value returns the object itself.
func (o *object) Value() any { return o }
