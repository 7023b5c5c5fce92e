package csvparquet

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/pkg/stage/stagetest"
)

// TestSameAsLibrary compares the output with the file that the library writes when
// it is given all rows at once.
func TestSameAsLibrary(t *testing.T) {
	t.Parallel()
	columns := []column{
		{Name: "z", Type: text},
		{Name: "a,b", Type: integer, Optional: true},
		{Name: "c.d", Type: double},
		{Name: "e", Type: boolean, Optional: true},
		{Name: "f", Type: timestamp},
		{Name: "g", Type: text, Optional: true},
	}
	for _, rows := range []int{0, 1, 99, 100, 101, 2500} {
		var csv bytes.Buffer
		csv.WriteString("z,\"a,b\",c.d,e,f,g\n")
		whole := newGroup(newTable(columns, []string{""}), compressions["zstd"])
		var want bytes.Buffer
		whole.w = parquet.NewGenericWriter[any](&want, whole.options()...)
		for i := range rows {
			line := fmt.Sprintf("%s,%d,%d.5,%t,2024-01-01T00:00:%02dZ,text %d", strings.Repeat("z", i%60), i, i%3, i%2 == 0, i%60, i%7)
			if i%5 == 0 {
				line = ",,1,,1969-12-31 23:59:59,"
			}
			fmt.Fprintln(&csv, line)
			var row [][]byte
			for field := range strings.SplitSeq(line, ",") {
				row = append(row, []byte(field))
			}
			if bad := whole.add(row); bad != nil {
				t.Fatal(bad)
			}
			if i%100 == 99 {
				if whole.pass() != nil || whole.w.Flush() != nil {
					t.Fatal("the library fails")
				}
			}
		}
		if whole.pass() != nil || whole.w.Close() != nil {
			t.Fatal("the library fails")
		}
		task := stagetest.NewTask(t, stagetest.Case{
			Files: []stagetest.Content{{Name: "x.csv", Data: csv.Bytes()}},
			Config: `{"row_group_rows":100,"columns":[{"name":"a,b","type":"int64","optional":true},{"name":"c.d","type":"double"},` +
				`{"name":"e","type":"boolean","optional":true},{"name":"f","type":"timestamp"},{"name":"g","optional":true}]}`,
		})
		r, err := New().Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		got := stagetest.Read(t, task, r.Files[0])
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%d rows: %d bytes, the library writes %d", rows, len(got), want.Len())
		}
	}
}
