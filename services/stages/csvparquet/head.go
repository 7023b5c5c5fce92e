package csvparquet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// maxColumns is the most columns of a table. Each takes about 50 KiB of memory.
const maxColumns = 1000

// maxName is the most bytes of a column's name.
const maxName = 255

// marks of encodings, as a file may begin with them.
var (
	markUTF8   = []byte{0xEF, 0xBB, 0xBF}
	markUTF16L = []byte{0xFF, 0xFE}
	markUTF16B = []byte{0xFE, 0xFF}
)

// head is what the beginning of a file says.
type head struct {
	columns []column
	// offset and line are where the first row of data begins.
	offset, line int64
}

// readHead reads the beginning of f.
func readHead(ctx context.Context, t *stage.Task, c *config, f events.File) (*head, error) {
	r, err := t.Store.OpenRange(ctx, f.Digest, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h, err := c.head(r)
	if bad := new(badHead); errors.As(err, &bad) {
		return nil, fault.New(bad.code, f.Name+": "+bad.why, nil)
	}
	return h, err
}

// badHead is why the head of a file cannot be used.
type badHead struct {
	code fault.Code
	why  string
}

// Error says why.
func (b *badHead) Error() string { return b.why }

func badHeader(format string, args ...any) error {
	return &badHead{fault.CsvBadHeader, fmt.Sprintf(format, args...)}
}

// head reads the head of what r yields.
func (c *config) head(r io.Reader) (*head, error) {
	start, err := readMark(r)
	if err != nil {
		return nil, err
	}
	h := &head{line: 1}
	if bytes.Equal(start, markUTF8) {
		h.offset, start = int64(len(start)), nil
	}
	s := &scanner{
		r: io.MultiReader(bytes.NewReader(start), r), delimiter: c.delimiter(), maxFields: maxColumns,
		offset: h.offset, line: 1,
	}
	switch err := s.next(); {
	case err == io.EOF && !c.Header && len(c.Columns) > 0:
	case err == io.EOF:
		return nil, badHeader("it has no row")
	case err != nil:
		return nil, firstRow(err)
	}
	if s.count > maxColumns {
		return nil, badHeader("it has %d columns, at most %d are possible", s.count, maxColumns)
	}
	if c.Header {
		h.offset, h.line = s.offset, s.line
		h.columns, err = c.named(s.row)
	} else {
		h.columns = c.numbered(s.count)
	}
	return h, err
}

// readMark reads the first bytes and refuses those of other encodings.
func readMark(r io.Reader) ([]byte, error) {
	start := make([]byte, len(markUTF8))
	n, err := io.ReadFull(r, start)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	start = start[:n]
	if bytes.HasPrefix(start, markUTF16L) || bytes.HasPrefix(start, markUTF16B) {
		return nil, &badHead{fault.CsvBadEncoding, "it is UTF-16 or UTF-32"}
	}
	return start, nil
}

// firstRow says why the first row is bad.
func firstRow(err error) error {
	var bad *badRow
	switch {
	case !errors.As(err, &bad):
		return err
	case errors.Is(err, errRowTooLong):
		return &badHead{fault.CsvRowTooLong, bad.at("")}
	case bad.value != nil && (!utf8.Valid(bad.value) || bytes.IndexByte(bad.value, 0) >= 0):
		return &badHead{fault.CsvBadEncoding, bad.at("")}
	}
	return badHeader("%s", bad.at(""))
}

// named returns the columns of a row of names.
func (c *config) named(row [][]byte) ([]column, error) {
	wanted := map[string]column{}
	for _, want := range c.Columns {
		wanted[want.Name] = want
	}
	seen := map[string]int{}
	var out []column
	for i, field := range row {
		name := string(field)
		if name == "" {
			name = numberedName(i)
		}
		switch first, twice := seen[name]; {
		case len(name) > maxName:
			return nil, badHeader("the name of column %d has %d bytes, at most %d are possible", i+1, len(name), maxName)
		case twice:
			return nil, badHeader("columns %d and %d are both called %q", first, i+1, name)
		}
		seen[name] = i + 1
		col, ok := wanted[name]
		if !ok {
			col = column{Name: name, Type: text}
		}
		out = append(out, col)
	}
	for _, want := range c.Columns {
		if seen[want.Name] == 0 {
			return nil, badHeader("there is no column %q", want.Name)
		}
	}
	return out, nil
}

// numbered returns the columns of a file without names whose first row has n
// fields.
func (c *config) numbered(n int) []column {
	if len(c.Columns) > 0 {
		return c.Columns
	}
	out := make([]column, n)
	for i := range out {
		out[i] = column{Name: numberedName(i), Type: text}
	}
	return out
}

// numberedName is the name of a column that has none.
func numberedName(i int) string { return fmt.Sprintf("column_%d", i+1) }
