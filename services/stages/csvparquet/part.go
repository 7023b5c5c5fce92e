package csvparquet

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/pkg/fault"
)

// part is what the end of a Parquet file says of one row group: three encoded
// sections, which stand there apart.
type part [sections][]byte

// maxBound is the most bytes of the least and the greatest value of a column that
// are noted.
const maxBound = 64

const (
	columnIndexes = iota // bounds of the pages
	offsetIndexes        // places of the pages
	rowGroup             // the columns, with the lengths of the other two
	sections
)

var protocol = &thrift.CompactProtocol{}

// newPart makes the part of a file with one row group, whose pages lie at offset
// in the whole file and after the magic word in their own. tail is what follows
// them, from the byte end of that file on.
func newPart(m *format.FileMetaData, tail *bytes.Buffer, end, offset int64, ordinal int) (*part, error) {
	var p part
	moved := offset - int64(len(magic))
	g := m.RowGroups[0]
	g.FileOffset += moved
	g.Ordinal = int16(ordinal)
	for i := range g.Columns {
		c := &g.Columns[i]
		bounds := tail.Bytes()[c.ColumnIndexOffset-end:][:c.ColumnIndexLength]
		p[columnIndexes] = append(p[columnIndexes], bounds...)
		places, err := movePages(tail.Bytes()[c.OffsetIndexOffset-end:][:c.OffsetIndexLength], moved)
		if err != nil {
			return nil, err
		}
		p[offsetIndexes] = append(p[offsetIndexes], places...)
		c.OffsetIndexLength = int32(len(places))
		c.MetaData.DataPageOffset += moved
		if c.MetaData.DictionaryPageOffset > 0 {
			c.MetaData.DictionaryPageOffset += moved
		}
		if s := &c.MetaData.Statistics; len(s.MinValue) > maxBound || len(s.MaxValue) > maxBound {
			s.MinValue, s.MaxValue = nil, nil
		}
	}
	var err error
	p[rowGroup], err = encode(&g)
	return &p, err
}

// movePages adds moved to the places of pages.
func movePages(encoded []byte, moved int64) ([]byte, error) {
	var index format.OffsetIndex
	if err := thrift.Unmarshal(protocol, encoded, &index); err != nil {
		return nil, fault.New(fault.InternalBug, "decode the places of pages", err)
	}
	for i := range index.PageLocations {
		index.PageLocations[i].Offset += moved
	}
	return encode(&index)
}

func encode(v any) ([]byte, error) {
	b, err := thrift.Marshal(protocol, v)
	if err != nil {
		return nil, fault.New(fault.InternalBug, "encode metadata", err)
	}
	return b, nil
}

// writeTo stores the part.
func (p *part) writeTo(w io.Writer) error {
	for _, section := range p {
		size := binary.BigEndian.AppendUint32(nil, uint32(len(section)))
		if _, err := w.Write(size); err != nil {
			return err
		}
		if _, err := w.Write(section); err != nil {
			return err
		}
	}
	return nil
}

// readSection returns one section of the next stored part and passes over the
// others. The error is io.EOF after the last part.
func readSection(r io.Reader, which int) ([]byte, error) {
	var wanted []byte
	for i := range sections {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		size := int64(binary.BigEndian.Uint32(head[:]))
		var err error
		if i == which {
			wanted = make([]byte, size)
			_, err = io.ReadFull(r, wanted)
		} else {
			_, err = io.CopyN(io.Discard, r, size)
		}
		if err != nil {
			return nil, err
		}
	}
	return wanted, nil
}
