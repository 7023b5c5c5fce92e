package csvparquet

import (
	"bytes"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/pkg/fault"
)

// Bounds of what a group keeps in memory besides its compressed pages.
const (
	// pages is what the pages take together that are being filled; a page is
	// between the other two.
	pages            = 8 << 20
	minPage, maxPage = 4 << 10, 256 << 10
	// A batch is what is handed to the writer at once.
	batchRows, batchValues, batchText = 256, 1 << 16, 256 << 10
)

// group is the rows that become the next row group.
type group struct {
	t     *table
	codec compress.Codec
	page  int
	pool  parquet.BufferPool
	w     *parquet.GenericWriter[any]
	sink  *sink
	rows  int64 // all, those in the batch too

	batch   [][]parquet.Value // by column
	waiting int               // rows in it
	text    []byte            // what its values refer to
	row     []parquet.Value
}

func newGroup(t *table, codec compress.Codec) *group {
	n := len(t.columns)
	g := &group{
		t: t, codec: codec, page: min(max(pages/n, minPage), maxPage), sink: &sink{},
		batch: make([][]parquet.Value, n), row: make([]parquet.Value, n),
	}
	g.pool = parquet.NewChunkBufferPool(min(g.page, 32<<10))
	g.begin()
	return g
}

// begin starts a row group with a new writer: one that was used before may write
// other bytes than one that was not.
func (g *group) begin() {
	g.sink.reset()
	g.rows = 0
	g.w = parquet.NewGenericWriter[any](g.sink, g.options()...)
}

func (g *group) options() []parquet.WriterOption {
	return []parquet.WriterOption{
		g.t.schema,
		parquet.CreatedBy("millrace", "1", "csv-to-parquet"),
		parquet.Compression(g.codec),
		parquet.PageBufferSize(g.page),
		parquet.ColumnPageBuffers(g.pool),
		parquet.DataPageStatistics(false), // the column index has them, cut to a length
		parquet.WriteBufferSize(0),        // what was flushed is in the sink
	}
}

// add takes a row, or says which field of it is bad and why. The row need not stay
// as it is.
func (g *group) add(row [][]byte) *badRow {
	for i, field := range row {
		v, wrong := g.t.value(i, field)
		if wrong != "" {
			return &badRow{Column: i + 1, Reason: wrong, value: field}
		}
		g.row[i] = v
	}
	for i, v := range g.row {
		if v.Kind() == parquet.ByteArray {
			v = g.keep(v, i)
		}
		g.batch[i] = append(g.batch[i], v)
	}
	g.rows++
	g.waiting++
	return nil
}

// keep copies the text of a value.
func (g *group) keep(v parquet.Value, i int) parquet.Value {
	from := len(g.text)
	g.text = append(g.text, v.ByteArray()...)
	return parquet.ByteArrayValue(g.text[from:]).Level(0, v.DefinitionLevel(), i)
}

// full reports whether the batch is to be passed on.
func (g *group) full() bool {
	return g.waiting >= batchRows || g.waiting*len(g.row) >= batchValues || len(g.text) >= batchText
}

// pass hands the batch to the writer.
func (g *group) pass() error {
	if g.waiting == 0 {
		return nil // the library takes the address of the first value
	}
	for i, c := range g.w.ColumnWriters() {
		if _, err := c.WriteRowValues(g.batch[i]); err != nil {
			return fault.New(fault.InternalBug, "write a column", err)
		}
		g.batch[i] = g.batch[i][:0]
	}
	g.waiting, g.text = 0, g.text[:0]
	return nil
}

// flush writes the rows to w as a row group at offset, and begins the next.
func (g *group) flush(w io.Writer, offset int64, ordinal int) (*part, error) {
	if err := g.pass(); err != nil {
		return nil, err
	}
	g.sink.w = w
	if err := g.w.Flush(); err != nil {
		return nil, g.fault(err)
	}
	g.sink.w = &g.sink.tail
	if err := g.w.Close(); err != nil {
		return nil, g.fault(err)
	}
	p, err := newPart(g.w.File().Metadata(), &g.sink.tail, g.sink.wrote, offset, ordinal)
	g.begin()
	return p, err
}

// fault is that of what was written to, or else a bug.
func (g *group) fault(err error) error {
	if g.sink.err != nil {
		return g.sink.err
	}
	return fault.New(fault.InternalBug, "write a row group", err)
}

// empty returns the metadata of a file without rows.
func (t *table) empty() (*format.FileMetaData, error) {
	g := newGroup(t, &parquet.Uncompressed)
	g.sink.w = io.Discard
	if err := g.w.Close(); err != nil {
		return nil, fault.New(fault.InternalBug, "write an empty file", err)
	}
	return g.w.File().Metadata(), nil
}

// sink takes a Parquet file of one row group. It hands on the pages, without the
// magic word before them, and keeps what follows them.
type sink struct {
	w     io.Writer
	wrote int64 // with the magic word
	tail  bytes.Buffer
	err   error // of w
}

const magic = "PAR1"

// Write hands p on.
func (s *sink) Write(p []byte) (int, error) {
	n := len(p)
	if s.wrote < int64(len(magic)) { // it is written by itself
		s.wrote += int64(n)
		return n, nil
	}
	if s.w != &s.tail {
		s.wrote += int64(n)
	}
	if _, s.err = s.w.Write(p); s.err != nil {
		return 0, s.err
	}
	return n, nil
}

func (s *sink) reset() {
	s.w, s.wrote, s.err = nil, 0, nil
	s.tail.Reset()
}
