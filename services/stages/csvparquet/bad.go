package csvparquet

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/millrace/millrace/pkg/fault"
)

// maxReported is how many bad rows of a file are reported, maxValue how many bytes
// of a value.
const (
	maxReported = 1000
	maxValue    = 64
)

// reported is a line of the report.
type reported struct {
	badRow
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// report writes what is wrong with a row.
func report(w io.Writer, b *badRow, columns []column) error {
	line := reported{badRow: *b, Value: fault.Clip(string(b.value[:min(len(b.value), 4*maxValue)]), maxValue)}
	if b.Column > 0 && b.Column <= len(columns) {
		line.Name = columns[b.Column-1].Name
	}
	data, err := json.Marshal(line)
	if err != nil {
		return fault.New(fault.InternalBug, "report a bad row", err)
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// at says where the row is and what is wrong with it. name is that of the column,
// empty when it is not known.
func (b *badRow) at(name string) string {
	where := fmt.Sprintf("line %d", b.Line)
	if b.Column > 0 {
		where += fmt.Sprintf(", column %d", b.Column)
	}
	if name != "" {
		where += fmt.Sprintf(" (%s)", name)
	}
	return where + ": " + b.Reason
}
