package csvparquet_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/csvparquet"
)

// orders makes size bytes of CSV with all types of columns, or a bit more.
func orders(size int) []byte {
	rnd := rand.New(rand.NewPCG(1, uint64(size)))
	b := bytes.NewBuffer(make([]byte, 0, size+256))
	b.WriteString("id,city,amount,paid,day,at,note\n")
	cities := []string{"Berlin", "Lyon", "\"San Jose, CA\"", "Łódź", "\"the \"\"old\"\" town\""}
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := 0; b.Len() < size; i++ {
		at := start.Add(time.Duration(rnd.Int64N(1e16)))
		note := ""
		if i%3 > 0 {
			note = fmt.Sprintf("%x %s", rnd.Uint64(), strings.Repeat("so it is ", i%5))
		}
		fmt.Fprintf(b, "%d,%s,%.2f,%t,%s,%s,%s\n", i, cities[rnd.IntN(len(cities))], rnd.Float64()*1000, i%2 == 0,
			at.Format(time.DateOnly), at.Format(time.RFC3339), note)
	}
	return b.Bytes()
}

const typed = `"columns":[{"name":"id","type":"int64"},{"name":"amount","type":"double"},{"name":"paid","type":"boolean"},` +
	`{"name":"day","type":"date"},{"name":"at","type":"timestamp"},{"name":"note","optional":true}]`

// read returns the rows of a Parquet file as text, with the names of its columns
// first.
func read(t testing.TB, data []byte) [][]string {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, field := range f.Schema().Fields() {
		names = append(names, field.Name())
	}
	out := [][]string{names}
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buf := make([]parquet.Row, 100)
		for {
			n, err := rows.ReadRows(buf)
			for _, row := range buf[:n] {
				var text []string
				for _, v := range row {
					text = append(text, v.String())
				}
				out = append(out, text)
			}
			if err != nil {
				break
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := int64(len(out) - 1); got != f.NumRows() {
		t.Fatalf("the file says it has %d rows, %d were read", f.NumRows(), got)
	}
	return out
}

func file(name, data string) []stagetest.Content {
	return []stagetest.Content{{Name: name, MediaType: "text/csv", Data: []byte(data)}}
}

// is checks the rows of the first output.
func is(want ...string) func(*testing.T, *stage.Task, stage.Result) {
	return func(t *testing.T, task *stage.Task, r stage.Result) {
		t.Helper()
		var got []string
		for _, row := range read(t, stagetest.Read(t, task, r.Files[0])) {
			got = append(got, strings.Join(row, "|"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestConvert(t *testing.T) {
	all := `"columns":[{"name":"s"},{"name":"i","type":"int64"},{"name":"f","type":"double"},{"name":"b","type":"boolean"},` +
		`{"name":"d","type":"date"},{"name":"t","type":"timestamp"}]`
	long := strings.Repeat("long ", 100_000)
	// A row group is 100,000 rows of about 90 bytes, and shorter for short tests.
	groupRows, unit, maxHeap := 100_000, int64(10<<20), int64(48<<20)
	if testing.Short() {
		groupRows, unit, maxHeap = 10_000, 2<<20, 24<<20
	}
	bad := func(name, data string, code fault.Code) stagetest.Case {
		return stagetest.Case{Name: name, Files: file("x.csv", data), Fault: code}
	}
	stagetest.Test(t, stagetest.Kit{
		Stage: csvparquet.New(),
		Cases: []stagetest.Case{
			{Name: "text", Files: file("x.csv", "b,a\n1,2\n\"x,y\",\"\"\"\"\n"), Check: is("b|a", "1|2", "x,y|\"")},
			{Name: "mixed ends", Files: file("x.csv", "b,a\r\n1,2\n3,4\r\n\n\r\n5,6"), Check: is("b|a", "1|2", "3|4", "5|6")},
			{Name: "mark", Files: file("x.csv", "\ufeff\"b\",a\n1,2\n"), Check: is("b|a", "1|2")},
			{Name: "CR at the end", Files: file("x.csv", "a\nb\r"), Check: is("a", "b")},
			{Name: "lines in quotes", Files: file("x.csv", "a,b\n\"1\r\n2\",\"3\n\"\n"), Check: is("a|b", "1\r\n2|3\n")},
			{Name: "tab", Files: file("x.tsv", "a\tb\n1,5\t2\n"), Config: `{"delimiter":"tab"}`, Check: is("a|b", "1,5|2")},
			{Name: "no header", Files: file("x.csv", "1,2\n3,4\n"), Config: `{"header":false}`, Check: is("column_1|column_2", "1|2", "3|4")},
			{Name: "no name", Files: file("x.csv", ",b\n1,2\n"), Check: is("column_1|b", "1|2")},
			{Name: "header only", Files: file("x.csv", "a,b\n"), Check: is("a|b")},
			{Name: "columns and nothing", Files: file("x.csv", ""), Config: `{"header":false,"columns":[{"name":"a"}]}`, Check: is("a")},
			{
				Name: "types", Files: file("x.csv", "s,i,f,b,d,t\nx,-7,1e3,TRUE,1969-12-31,2024-02-29T12:00:00.5+01:00\n"+
					"\"\",9223372036854775807,NaN,0,2024-02-29,1969-12-31 23:59:59\n"),
				Config: `{` + all + `}`,
				Check: is("s|i|f|b|d|t", "x|-7|1000|true|-1|1709204400500000",
					"|9223372036854775807|NaN|false|19782|-1000000"),
			},
			{
				Name: "missing values", Files: file("x.csv", "a,b\n,NA\n1,2\n,\n"),
				Config: `{"columns":[{"name":"b","type":"int64","optional":true},{"name":"a","optional":true}],"null":["","NA"]}`,
				Check:  is("a|b", "<null>|<null>", "1|2", "<null>|<null>"),
			},
			{Name: "snappy", Files: file("x.csv", "a\n1\n"), Config: `{"compression":"snappy"}`, Check: is("a", "1")},
			{Name: "none", Files: file("x.csv", "a\n1\n"), Config: `{"compression":"none"}`, Check: is("a", "1")},
			{
				Name: "some bad", Files: file("x.csv", "a,b\n1,2\n1\n\xff,2\n\"1\"2,3\n1,2\"\n1,\x00\n4,5,6\n7,8\n\"open,\n"),
				Config: `{"max_bad_rows":7}`, Check: someBad,
			},
			{Name: "two files", Files: append(file("x.csv", "a\n1\n"), file("y.CSV", "b\n2\n")...), Check: is("a", "1")},
			{Name: "large", Files: file("x.csv", string(orders(1<<20))), Config: `{"row_group_rows":1000,` + typed + `}`},
			{Name: "odd names", Files: file("x.csv", "\"a,b\",c.d,\"\"\"\",ü\n1,2,3,4\n"), Check: is("a,b|c.d|\"|ü", "1|2|3|4")},
			{Name: "long value", Files: file("x.csv", "a\n"+long+"\n"), Check: is("a", long)},
			bad("empty", "", fault.CsvBadHeader), bad("blank", "\r\n\n", fault.CsvBadHeader),
			bad("same names", "a,b,a\n1,2,3\n", fault.CsvBadHeader),
			bad("UTF-16", "\xff\xfea\x00\n\x00", fault.CsvBadEncoding), bad("UTF-16 without a mark", "a\x00,\x00b\x00", fault.CsvBadEncoding),
			bad("Latin-1", "a,stra\xdfe\n", fault.CsvBadEncoding),
			bad("quote in the header", "a,b\"\n", fault.CsvBadHeader), bad("only a quote", "\"", fault.CsvBadHeader),
			bad("long name", strings.Repeat("x", 256)+"\n", fault.CsvBadHeader),
			bad("many columns", strings.Repeat(",", 100_000)+"\n", fault.CsvBadHeader),
			bad("field missing", "a,b\n1,2\n1\n", fault.CsvBadRows),
			bad("quote never closed", "a,b\n1,2\n3,\"4\n5,6\n", fault.CsvBadRows),
			{Name: "no such column", Files: file("x.csv", "a\n1\n"), Config: `{"columns":[{"name":"b"}]}`, Fault: fault.CsvBadHeader},
			{Name: "no number", Files: file("x.csv", "a\nx\n"), Config: `{"columns":[{"name":"a","type":"int64"}]}`, Fault: fault.CsvBadRows},
			{Name: "no files", Fault: fault.StageNoInput},
		},
		BadConfigs: []string{
			`{"delimiter":""}`, `{"delimiter":"\""}`, `{"delimiter":"\n"}`, `{"delimiter":"ü"}`, `{"delimiter":",,"}`,
			`{"max_bad_rows":-1}`, `{"row_group_rows":0}`, `{"compression":"gzip"}`, `{"header":"yes"}`,
			`{"columns":[{"name":""}]}`, `{"columns":[{"name":"a"},{"name":"a"}]}`, `{"columns":[{"name":"a","type":"float"}]}`,
			`{"columns":[{"name":"a","kind":"string"}]}`, `{"null":["` + strings.Repeat("x", 65) + `"]}`,
		},
		Large: func(f stagetest.Content) stagetest.Case {
			f.Name, f.Data = "x.csv", orders(1<<20)
			rows := f.Data[bytes.IndexByte(f.Data, '\n')+1:]
			f.Data = append(f.Data, bytes.Repeat(rows, int(f.Size)/len(rows))...)
			return stagetest.Case{Files: []stagetest.Content{f}, Config: fmt.Sprintf(`{"row_group_rows":%d,%s}`, groupRows, typed)}
		},
		MaxHeap: maxHeap, Cancels: 3, Resumes: true, Unit: unit,
	})
}

// someBad checks what is said of bad rows.
func someBad(t *testing.T, task *stage.Task, r stage.Result) {
	t.Helper()
	is("a|b", "1|2", "7|8")(t, task, r)
	want := `{"line":3,"reason":"1 fields and not 2"}
{"line":4,"column":1,"reason":"not UTF-8","name":"a","value":"�"}
{"line":5,"column":1,"reason":"text after the quote that ends a field","name":"a","value":"1"}
{"line":6,"column":2,"reason":"a quote within a field that does not begin with one","name":"b","value":"2\""}
{"line":7,"column":2,"reason":"a NUL byte","name":"b","value":" "}
{"line":8,"reason":"3 fields and not 2"}
{"line":10,"column":1,"reason":"a quote that is never closed","name":"a","value":"\"open, "}
`
	if len(r.Files) != 2 || r.Files[1].Name != "x.errors.jsonl" {
		t.Fatalf("got %v", r.Files)
	}
	if diff := cmp.Diff(want, string(stagetest.Read(t, task, r.Files[1]))); diff != "" {
		t.Error(diff)
	}
	if r.Findings["rows"] != "2" || r.Findings["bad_rows"] != "7" {
		t.Errorf("findings %v", r.Findings)
	}
}

// TestGolden notices when the same input gives other output. Then the logic of the
// spec must change with the digests here.
func TestGolden(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"none": "c37f18c0637bf085", "snappy": "e2ffb3be81a7c89f", "zstd": "132843cea1fc4627",
	}
	s := csvparquet.New()
	if logic := s.Spec().Logic; logic != "1" {
		t.Errorf("the digests are those of logic 1, this is %s", logic)
	}
	got := map[string]string{}
	for _, compression := range []string{"zstd", "snappy", "none"} {
		task := stagetest.NewTask(t, stagetest.Case{
			Files:  file("x.csv", string(orders(500_000))),
			Config: `{"row_group_rows":2000,"compression":"` + compression + `",` + typed + `}`,
		})
		r, err := s.Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		got[compression] = r.Files[0].Digest[7:23]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestFirstBadRow checks what a person is told who must find the row.
func TestFirstBadRow(t *testing.T) {
	t.Parallel()
	task := stagetest.NewTask(t, stagetest.Case{
		Files:  file("x.csv", "id,note\n1,\"two\nlines\"\nsecret,b\n3,c\n,d\n"),
		Config: `{"max_bad_rows":1,"columns":[{"name":"id","type":"int64"}]}`,
	})
	_, err := csvparquet.New().Run(t.Context(), task)
	if !fault.Has(err, fault.CsvBadRows) {
		t.Fatal(err)
	}
	want := "x.csv, line 4, column 1 (id): not a whole number of 64 bits, and 1 more bad rows"
	if got := err.Error(); !strings.Contains(got, want) || strings.Contains(got, "secret") {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestManyBadRows checks that the report is limited, and the number of reports.
func TestManyBadRows(t *testing.T) {
	t.Parallel()
	task := stagetest.NewTask(t, stagetest.Case{
		Files:  file("x.csv", "a\n"+strings.Repeat("\""+strings.Repeat("x", 100)+"\"y\n", 3000)),
		Config: `{"max_bad_rows":3000}`,
	})
	r, err := csvparquet.New().Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(stagetest.Read(t, task, r.Files[1]), []byte("\n")); n != 1000 || r.Findings["bad_rows"] != "3000" {
		t.Errorf("%d of %s bad rows are reported", n, r.Findings["bad_rows"])
	}
}

// TestRoomForReports gives the stage so many files that the result has no room for
// a report of each.
func TestRoomForReports(t *testing.T) {
	t.Parallel()
	files := file("x.csv", "a\n1,2\n")
	for len(files) < stage.MaxFiles-3 {
		files = append(files, files[0])
	}
	task := stagetest.NewTask(t, stagetest.Case{Files: files, Config: `{"max_bad_rows":1}`})
	r, err := csvparquet.New().Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(); err != nil || len(r.Files) != stage.MaxFiles || r.Files[5].Name != "x.errors.jsonl" {
		t.Errorf("%d files: %v", len(r.Files), err)
	}
}

func FuzzConvert(f *testing.F) {
	for _, text := range []string{
		"a,b\n1,2\n", "\ufeffa,b\r\n1,\"2\n\"\r\n", "a,\"a\"\n", "a\nx\"y\n\"open", ",,\n1,2\n1,2,3", "\xff\xfea\x00", "2024-01-01,1e9\n",
	} {
		f.Add([]byte(text), true, "string")
		f.Add([]byte(text), false, "date")
	}
	s := csvparquet.New()
	f.Fuzz(func(t *testing.T, data []byte, header bool, kind string) {
		config := fmt.Sprintf(`{"header":%t,"max_bad_rows":100,"row_group_rows":100`, header)
		if !header {
			config += fmt.Sprintf(`,"columns":[{"name":"a","type":%q,"optional":true},{"name":"b"}]`, kind)
		}
		task := stagetest.NewTask(t, stagetest.Case{Files: []stagetest.Content{{Name: "x.csv", Data: data}}, Config: config + "}"})
		r, err := s.Run(t.Context(), task)
		if err != nil {
			if c := fault.From(err).Code; !strings.HasPrefix(string(c), "csv.") && c != fault.StageBadConfig {
				t.Fatalf("fault %s: %v", c, err)
			}
			return
		}
		if rows := read(t, stagetest.Read(t, task, r.Files[0])); fmt.Sprint(len(rows)-1) != r.Findings["rows"] {
			t.Fatalf("%d rows, the findings say %s", len(rows)-1, r.Findings["rows"])
		}
	})
}
