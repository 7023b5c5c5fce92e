package csvparquet

import (
	"bytes"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
)

// column is one column of the table.
type column struct {
	Name     string `json:"name"`
	Type     kind   `json:"type"`
	Optional bool   `json:"optional"`
}

// kind is what the values of a column are.
type kind string

// The kinds. Empty means text.
const (
	text      kind = "string"
	integer   kind = "int64"
	double    kind = "double"
	boolean   kind = "boolean"
	date      kind = "date"
	timestamp kind = "timestamp"
)

// kinds says how each is stored, and read from text. The second result of read is
// what is wrong with it, empty when nothing is.
var kinds = map[kind]struct {
	node func() parquet.Node
	read func(field []byte) (parquet.Value, string)
}{
	text:      {parquet.String, nil}, // is kept as it is
	integer:   {func() parquet.Node { return parquet.Leaf(parquet.Int64Type) }, readInteger},
	double:    {func() parquet.Node { return parquet.Leaf(parquet.DoubleType) }, readDouble},
	boolean:   {func() parquet.Node { return parquet.Leaf(parquet.BooleanType) }, readBoolean},
	date:      {parquet.Date, readDate},
	timestamp: {func() parquet.Node { return parquet.Timestamp(parquet.Microsecond) }, readTimestamp},
}

// node returns how c is stored.
func (c *column) node() parquet.Node {
	n := kinds[c.Type].node()
	if c.Type == text {
		// Compressed, that is smaller and takes less memory than a dictionary or
		// lengths apart from the text.
		n = parquet.Encoded(n, &parquet.Plain)
	}
	if c.Optional {
		n = parquet.Optional(n)
	}
	return n
}

func readInteger(field []byte) (parquet.Value, string) {
	n, err := strconv.ParseInt(string(field), 10, 64)
	if err != nil {
		return parquet.Value{}, "not a whole number of 64 bits"
	}
	return parquet.Int64Value(n), ""
}

// readDouble reads decimal notation, NaN and infinities, and not the other things
// that are numbers in Go.
func readDouble(field []byte) (parquet.Value, string) {
	for _, c := range field {
		if c == 'x' || c == 'X' || c == 'p' || c == 'P' || c == '_' {
			return parquet.Value{}, notDouble
		}
	}
	v, err := strconv.ParseFloat(string(field), 64)
	if err != nil {
		return parquet.Value{}, notDouble
	}
	return parquet.DoubleValue(v), ""
}

const notDouble = "not a number of 64 bits"

func readBoolean(field []byte) (parquet.Value, string) {
	switch {
	case bytes.EqualFold(field, []byte("true")), string(field) == "1":
		return parquet.BooleanValue(true), ""
	case bytes.EqualFold(field, []byte("false")), string(field) == "0":
		return parquet.BooleanValue(false), ""
	}
	return parquet.Value{}, "neither true nor false"
}

func readDate(field []byte) (parquet.Value, string) {
	day, err := time.Parse(time.DateOnly, string(field))
	if err != nil {
		return parquet.Value{}, "not a date such as 2006-01-31"
	}
	return parquet.Int32Value(int32(day.Unix() / (24 * 60 * 60))), ""
}

// readTimestamp reads RFC 3339, also with a space for the T and without an offset,
// which then is UTC. What is finer than a microsecond is cut off.
func readTimestamp(field []byte) (parquet.Value, string) {
	const day = len(time.DateOnly)
	if len(field) > day && (field[day] == 'T' || field[day] == ' ') {
		layout := time.DateOnly + string(field[day]) + time.TimeOnly
		if bytes.ContainsAny(field[day:], "Z+-") {
			layout += "Z07:00"
		}
		if at, err := time.Parse(layout, string(field)); err == nil {
			return parquet.Int64Value(at.UnixMicro()), ""
		}
	}
	return parquet.Value{}, "not a time such as 2006-01-31T15:04:05Z"
}
