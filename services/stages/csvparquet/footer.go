package csvparquet

import (
	"encoding/binary"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/pkg/fault"
)

// footer is the end of a Parquet file. It is written piece by piece, because that
// of a large file does not fit into memory.
type footer struct {
	table *table
	rows  int64
	// groups is how many parts there are, which each yields in order: all
	// sections of one kind.
	groups int
	each   func(section int, fn func([]byte) error) error
}

// The metadata of a file is a struct of which these are the fields before and
// after the list of row groups. In the second one, fields are numbered from that
// list on, as the encoding does.
type (
	metadataStart struct {
		Version int32                              `thrift:"1,required"`
		Schema  thrift.Slice[format.SchemaElement] `thrift:"2,required"`
		NumRows int64                              `thrift:"3,required"`
	}
	metadataEnd struct {
		KeyValues    thrift.Slice[format.KeyValue]    `thrift:"1,optional"`
		CreatedBy    string                           `thrift:"2,optional"`
		ColumnOrders thrift.Slice[format.ColumnOrder] `thrift:"3,optional"`
	}
)

// listField begins the field after the one before, a list; its size follows.
const listField = 0x19

// writeTo writes the footer to w, which stands at offset.
func (f *footer) writeTo(w io.Writer, offset int64) error {
	out := &counted{w: w, offset: offset}
	bounds := out.offset
	if err := f.each(columnIndexes, out.write); err != nil {
		return err
	}
	places := out.offset
	if err := f.each(offsetIndexes, out.write); err != nil {
		return err
	}
	start := out.offset
	m, err := f.table.empty()
	if err != nil {
		return err
	}
	if err := f.start(out, m); err != nil {
		return err
	}
	err = f.each(rowGroup, func(encoded []byte) error {
		encoded, err := placeIndexes(encoded, &bounds, &places)
		if err != nil {
			return err
		}
		return out.write(encoded)
	})
	if err != nil {
		return err
	}
	end, err := encode(&metadataEnd{KeyValues: m.KeyValueMetadata, CreatedBy: m.CreatedBy, ColumnOrders: m.ColumnOrders})
	if err != nil {
		return err
	}
	if err := out.write(end); err != nil {
		return err
	}
	size := binary.LittleEndian.AppendUint32(nil, uint32(out.offset-start))
	return out.write(append(size, magic...))
}

// start writes what comes before the row groups.
func (f *footer) start(out *counted, m *format.FileMetaData) error {
	start, err := encode(&metadataStart{Version: m.Version, Schema: m.Schema, NumRows: f.rows})
	if err != nil {
		return err
	}
	start[len(start)-1] = listField // in place of the end of the struct
	return out.write(appendListSize(start, f.groups))
}

// appendListSize appends the head of a list of n structs.
func appendListSize(b []byte, n int) []byte {
	const structs, inHead = 12, 15
	if n < inHead {
		return append(b, byte(n)<<4|structs)
	}
	return binary.AppendUvarint(append(b, inHead<<4|structs), uint64(n))
}

// placeIndexes notes in a row group where its indexes are, and moves on to those
// of the next.
func placeIndexes(encoded []byte, bounds, places *int64) ([]byte, error) {
	var g format.RowGroup
	if err := thrift.Unmarshal(protocol, encoded, &g); err != nil {
		return nil, fault.New(fault.InternalBug, "decode a row group", err)
	}
	for i := range g.Columns {
		c := &g.Columns[i]
		c.ColumnIndexOffset, c.OffsetIndexOffset = *bounds, *places
		*bounds += int64(c.ColumnIndexLength)
		*places += int64(c.OffsetIndexLength)
	}
	return encode(&g)
}

// counted knows where it stands.
type counted struct {
	w      io.Writer
	offset int64
}

func (c *counted) write(b []byte) error {
	n, err := c.w.Write(b)
	c.offset += int64(n)
	return err
}
