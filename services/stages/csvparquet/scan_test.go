package csvparquet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// scanned is a row, or what is wrong with it, and where the next one begins.
type scanned struct {
	Row          []string
	At           int64
	Wrong        string
	Line         int64
	Column       int
	Offset, Next int64
}

// scanAll reads all rows from a place on.
func scanAll(t testing.TB, r io.Reader, offset, line int64) []scanned {
	t.Helper()
	s := &scanner{r: r, delimiter: ',', maxFields: 10, offset: offset, line: line}
	var out []scanned
	for {
		err := s.next()
		if err == io.EOF {
			return out
		}
		got := scanned{At: s.at, Offset: s.offset, Next: s.line}
		if bad := new(badRow); errors.As(err, &bad) {
			got.Wrong, got.Line, got.Column = bad.Reason, bad.Line, bad.Column
		} else if err != nil {
			t.Fatal(err)
		}
		for _, field := range s.row {
			if err == nil {
				got.Row = append(got.Row, string(field))
			}
		}
		out = append(out, got)
		if errors.Is(err, errRowTooLong) {
			return out
		}
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	text := "a,\"b\n\"\"c\"\"\",\n\r\n\"x\"y,\"\n1,2\r\n,\"\n\nopen,"
	want := []scanned{
		{Row: []string{"a", "b\n\"c\"", ""}, At: 1, Offset: 13, Next: 3},
		{At: 4, Wrong: "text after the quote that ends a field", Line: 4, Column: 1, Offset: 22, Next: 5},
		{Row: []string{"1", "2"}, At: 5, Offset: 27, Next: 6},
		{At: 6, Wrong: "a quote that is never closed", Line: 6, Column: 2, Offset: 36, Next: 8},
	}
	for name, r := range map[string]io.Reader{
		"at once": strings.NewReader(text), "by byte": iotest.OneByteReader(strings.NewReader(text)),
	} {
		if diff := cmp.Diff(want, scanAll(t, r, 0, 1)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestScanBounds reads a row that is as long as possible, and one that is longer.
func TestScanBounds(t *testing.T) {
	t.Parallel()
	long := "1,\"" + strings.Repeat("x\n", maxRow/2-4) + "xxx\"\n"
	if len(long) != maxRow {
		t.Fatalf("the row has %d bytes", len(long))
	}
	got := scanAll(t, strings.NewReader("a,b\n"+long+"c"), 0, 1)
	if len(got) != 3 || got[1].Wrong != "" || len(got[1].Row[1]) != maxRow-5 || got[2].Row[0] != "c" {
		t.Errorf("a row of %d bytes gives %d rows, %s", maxRow, len(got), got[1].Wrong)
	}
	got = scanAll(t, io.MultiReader(strings.NewReader("a,b\n1,2\nx\n3,\""), endless{}), 0, 1)
	if last := got[len(got)-1]; last.Wrong != errRowTooLong.Error() || last.Line != 4 || last.Column != 2 {
		t.Errorf("an endless quote is %v", last)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, "1,2\n"), nil }

// FuzzScan checks that rows do not depend on how their bytes arrive nor on where
// the scan begins, and that the standard library reads the same, where it reads
// anything at all.
func FuzzScan(f *testing.F) {
	for _, text := range []string{
		"a,b\n1,2\n", "a,\"b\"\r\n\"1\n2\",\"\"\"\"\n", "\"a", "a\"b\n1,2\n", "\r\n\n\ra,b\r", ",,\n,\n", "\"a\"b,c\n\"\n", "\xff,\x00\n",
	} {
		f.Add([]byte(text), 1)
	}
	f.Fuzz(func(t *testing.T, data []byte, from int) {
		want := scanAll(t, bytes.NewReader(data), 0, 1)
		if diff := cmp.Diff(want, scanAll(t, iotest.OneByteReader(bytes.NewReader(data)), 0, 1)); diff != "" {
			t.Fatalf("by byte: %s", diff)
		}
		if from >= 0 && from < len(want) {
			at := want[from]
			if diff := cmp.Diff(want[from+1:], scanAll(t, bytes.NewReader(data[at.Offset:]), at.Offset, at.Next)); from+1 < len(want) && diff != "" {
				t.Fatalf("from row %d on: %s", from, diff)
			}
		}
		theirs := csv.NewReader(bytes.NewReader(data))
		theirs.FieldsPerRecord = -1
		for i, got := range want {
			row, err := theirs.Read()
			if err != nil || got.Wrong != "" || len(row) > 10 {
				return // from here on each goes on in its own way
			}
			if len(row) != len(got.Row) {
				t.Fatalf("row %d: the library reads %q and not %q", i, row, got.Row)
			}
			for j := range row {
				// It changes the ends of lines within quotes.
				row[j] = strings.ReplaceAll(row[j], "\r", "")
				got.Row[j] = strings.ReplaceAll(got.Row[j], "\r", "")
			}
			if diff := cmp.Diff(row, got.Row); diff != "" {
				t.Fatalf("row %d: the library reads something else: %s", i, diff)
			}
		}
	})
}
