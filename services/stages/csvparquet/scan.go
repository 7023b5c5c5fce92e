package csvparquet

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// A row is read into memory as a whole.
const (
	// maxRow is the most bytes of a row.
	maxRow = 4 << 20
	// firstBuffer is what is read at once while rows are short.
	firstBuffer = 256 << 10
)

// scanner cuts CSV into rows, as RFC 4180 says: fields are separated by the
// delimiter and rows by LF or CR LF; a field may stand in quotes, within which two
// quotes are one. Empty lines are no rows. It is lenient in one way: a CR that is
// not followed by LF belongs to its field.
type scanner struct {
	r         io.Reader
	delimiter byte
	maxFields int

	// offset and line are where the next row begins: in bytes of the content and
	// counted from 1.
	offset, line int64
	// row is the fields of the row that was read last, the first maxFields of
	// count. They are good until the next call.
	row   [][]byte
	count int
	// at is the line on which it begins.
	at int64

	space []byte
	buf   []byte // of space: read and not yet cut
	eof   bool
	own   []byte // fields that are not in buf as they are
}

// badRow is what is wrong with a row. The scanner has gone on to the next.
type badRow struct {
	// Line is where the row begins, or the field when that is known. Column
	// counts the fields from 1; 0 means the row as a whole.
	Line   int64  `json:"line"`
	Column int    `json:"column,omitempty"`
	Reason string `json:"reason"`

	value []byte // the field, until the next call
}

// Error says what is wrong, without what the row says.
func (b *badRow) Error() string { return b.Reason }

// errRowTooLong comes with a badRow and is the end of the scan.
var errRowTooLong = errors.New("the row is longer than 4 MiB")

var (
	errMore  = errors.New("the row goes on beyond what was read")
	errBlank = errors.New("the line is empty")
)

// next reads the next row. The error is io.EOF at the end, a *badRow, a *badRow
// joined with errRowTooLong, or that of the reader.
func (s *scanner) next() error {
	for {
		s.at = s.line
		n, err := s.cut(s.buf)
		if err == errMore {
			if err := s.fill(); err != nil {
				return err
			}
			continue
		}
		if err == io.EOF {
			return err
		}
		used := s.buf[:n]
		if err == nil {
			err = s.check(used)
		}
		s.offset += int64(n)
		s.line += int64(bytes.Count(used, newline))
		s.buf = s.buf[n:]
		if err != errBlank {
			return err
		}
	}
}

var newline = []byte{'\n'}

// fill reads more, at the end of what was not cut yet.
func (s *scanner) fill() error {
	if len(s.buf) >= maxRow {
		bad := &badRow{Line: s.at, Reason: errRowTooLong.Error()}
		var open *badRow
		if _, err := s.tryLast(); errors.As(err, &open) {
			bad.Line, bad.Column = open.Line, open.Column
		}
		return errors.Join(bad, errRowTooLong)
	}
	have := len(s.buf)
	if len(s.space) < maxRow && 2*have >= len(s.space) {
		s.space = make([]byte, min(max(2*len(s.space), firstBuffer), maxRow))
	}
	copy(s.space, s.buf)
	// A row that was not complete is looked at again from its start: read until
	// there is twice as much, so that this costs little.
	n, err := io.ReadAtLeast(s.r, s.space[have:], min(have+1, len(s.space)-have))
	s.buf = s.space[:have+n]
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		s.eof, err = true, nil
	}
	return err
}

// tryLast cuts what there is as if nothing came after it.
func (s *scanner) tryLast() (int, error) {
	s.eof = true
	return s.cut(s.buf)
}

// check refuses what is not text.
func (s *scanner) check(row []byte) error {
	if utf8.Valid(row) && bytes.IndexByte(row, 0) < 0 {
		return nil
	}
	for i, field := range s.row {
		switch {
		case !utf8.Valid(field):
			return &badRow{Line: s.at, Column: i + 1, Reason: "not UTF-8", value: field}
		case bytes.IndexByte(field, 0) >= 0:
			return &badRow{Line: s.at, Column: i + 1, Reason: "a NUL byte", value: field}
		}
	}
	return &badRow{Line: s.at, Reason: "not UTF-8"}
}

// cut finds the row that data begins with. It returns its length, with its end of
// line. When the row is bad, that is where the next one is looked for: after the
// end of the line.
func (s *scanner) cut(data []byte) (int, error) {
	if n, err := s.blank(data); err != nil {
		return n, err
	}
	s.row, s.count, s.own = s.row[:0], 0, s.own[:0]
	for at, end := 0, -1; ; {
		if end < at {
			if end = bytes.IndexByte(data[at:], '\n'); end >= 0 {
				end += at
			} else if !s.eof {
				return 0, errMore
			} else {
				end = len(data)
			}
		}
		var next int
		var err error
		if at < len(data) && data[at] == '"' {
			next, err = s.quoted(data, at)
		} else {
			next, err = s.bare(data, at, end)
		}
		switch {
		case err != nil:
			return next, err
		case next < len(data) && data[next] == s.delimiter:
			at = next + 1
		default:
			return rowEnd(data, next), nil
		}
	}
}

// blank recognizes an empty line and the end.
func (s *scanner) blank(data []byte) (int, error) {
	switch {
	case len(data) == 0 && s.eof:
		return 0, io.EOF
	case len(data) == 0, len(data) == 1 && data[0] == '\r' && !s.eof:
		return 0, errMore
	case data[0] == '\n', len(data) == 1 && data[0] == '\r':
		return 1, errBlank
	case data[0] == '\r' && data[1] == '\n':
		return 2, errBlank
	}
	return 0, nil
}

// rowEnd returns what follows the end of the line at data[at].
func rowEnd(data []byte, at int) int {
	if at < len(data) && data[at] == '\r' {
		at++
	}
	if at < len(data) {
		at++ // LF
	}
	return at
}

// bare cuts the field at data[at], which does not begin with a quote and ends
// before data[end] at the latest. It returns where its delimiter or the end of
// the line is.
func (s *scanner) bare(data []byte, at, end int) (int, error) {
	field := data[at:end]
	if i := bytes.IndexByte(field, s.delimiter); i >= 0 {
		field = field[:i]
	} else if n := len(field); n > 0 && field[n-1] == '\r' {
		field = field[:n-1]
	}
	if bytes.IndexByte(field, '"') >= 0 {
		return s.spoilt(data, at, at, "a quote within a field that does not begin with one", field)
	}
	s.add(field)
	return at + len(field), nil
}

// quoted cuts the field at data[at], which begins with a quote.
func (s *scanner) quoted(data []byte, at int) (int, error) {
	doubled := false
	from := at + 1
	for {
		i := bytes.IndexByte(data[from:], '"')
		if i < 0 {
			return s.unclosed(data, at)
		}
		from += i + 1
		if from == len(data) && !s.eof {
			return 0, errMore
		}
		if from == len(data) || data[from] != '"' {
			break
		}
		doubled = true
		from++
	}
	field := data[at+1 : from-1]
	if doubled {
		field = s.unquote(field)
	}
	rest := data[from:]
	switch {
	case len(rest) == 0, rest[0] == s.delimiter, rest[0] == '\n', bytes.HasPrefix(rest, crlf):
	case len(rest) == 1 && rest[0] == '\r':
		if !s.eof {
			return 0, errMore
		}
	default:
		return s.spoilt(data, at, from, "text after the quote that ends a field", field)
	}
	s.add(field)
	return from, nil
}

var crlf = []byte("\r\n")

// unclosed is for a quote at data[at] without its partner.
func (s *scanner) unclosed(data []byte, at int) (int, error) {
	if !s.eof {
		return 0, errMore
	}
	return len(data), s.bad(data, at, "a quote that is never closed", data[at:])
}

// spoilt is for a field at data[at] that is found to be wrong at data[found].
func (s *scanner) spoilt(data []byte, at, found int, reason string, field []byte) (int, error) {
	i := bytes.IndexByte(data[found:], '\n')
	if i < 0 && !s.eof {
		return 0, errMore
	}
	if i < 0 {
		return len(data), s.bad(data, at, reason, field)
	}
	return found + i + 1, s.bad(data, at, reason, field)
}

func (s *scanner) bad(data []byte, at int, reason string, field []byte) *badRow {
	line := s.at + int64(bytes.Count(data[:at], newline))
	return &badRow{Line: line, Column: s.count + 1, Reason: reason, value: field}
}

// unquote makes one quote of two.
func (s *scanner) unquote(field []byte) []byte {
	from := len(s.own)
	for {
		i := bytes.IndexByte(field, '"')
		if i < 0 {
			s.own = append(s.own, field...)
			return s.own[from:]
		}
		s.own = append(s.own, field[:i+1]...)
		field = field[i+2:]
	}
}

// add notes a field.
func (s *scanner) add(field []byte) {
	if s.count++; len(s.row) < s.maxFields {
		s.row = append(s.row, field)
	}
}
