package term

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Table collects rows and writes them as aligned columns. Its cells are cleaned.
type Table struct {
	rows [][]string
}

// NewTable returns a table with a heading. No heading leaves the line out.
func NewTable(heading ...string) *Table {
	t := &Table{}
	if len(heading) > 0 {
		t.Row(heading...)
	}
	return t
}

// Row adds a row. Rows may have different lengths.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = Clean(c)
	}
	t.rows = append(t.rows, row)
}

// Len returns how many rows there are, the heading included.
func (t *Table) Len() int { return len(t.rows) }

// WriteTo writes the table; columns are two spaces apart and the last one is not
// padded.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		var line strings.Builder
		for i, c := range row {
			line.WriteString(c)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+2))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}
