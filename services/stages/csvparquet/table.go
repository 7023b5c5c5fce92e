package csvparquet

import (
	"slices"

	"github.com/parquet-go/parquet-go"
)

// table is what the columns of a file look like in Parquet.
type table struct {
	columns []column
	read    []func([]byte) (parquet.Value, string) // nil for text
	schema  *parquet.Schema
	null    []string
}

func newTable(columns []column, null []string) *table {
	t := &table{columns: columns, null: null}
	root := &orderedGroup{Group: parquet.Group{}}
	for i := range columns {
		c := &columns[i]
		node := c.node()
		root.Group[c.Name] = node
		root.fields = append(root.fields, parquet.Group{c.Name: node}.Fields()...)
		t.read = append(t.read, kinds[c.Type].read)
	}
	t.schema = parquet.NewSchema("table", root)
	return t
}

// orderedGroup is a group whose fields stay in the order of the file: those of
// parquet.Group are sorted by name.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

// Fields returns the columns in order.
func (g *orderedGroup) Fields() []parquet.Field { return g.fields }

// value reads the field of a column. What is wrong with it is empty when nothing
// is. A text refers to the field.
func (t *table) value(i int, field []byte) (parquet.Value, string) {
	c := &t.columns[i]
	if c.Optional && slices.Contains(t.null, string(field)) {
		return parquet.NullValue().Level(0, 0, i), ""
	}
	v, wrong := parquet.ByteArrayValue(field), ""
	if read := t.read[i]; read != nil {
		v, wrong = read(field)
	}
	level := 0
	if c.Optional {
		level = 1
	}
	return v.Level(0, level, i), wrong
}
