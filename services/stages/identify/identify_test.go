package identify_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/identify"
)

const (
	pdf  = "%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"
	png  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
	gzip = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
	elf  = "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00\x01\x00\x00\x00"
	svg  = `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>`
	csv  = "name,size\nabc,1\ndef,2\n"
)

func file(name, declared, content string) stagetest.Content {
	return stagetest.Content{Name: name, MediaType: declared, Data: []byte(content)}
}

func zipped(t *testing.T, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		if _, err := w.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestIdentify(t *testing.T) {
	several := []stagetest.Content{
		file("a.pdf", "", pdf), file("b.png", "image/png", png), file("c.pdf", "application/pdf", png),
		{Name: "big.bin", Size: 9 << 20},
	}
	stagetest.Test(t, stagetest.Kit{
		Stage: identify.New(),
		Cases: []stagetest.Case{
			{Name: "several", Files: several, Check: checkSeveral},
			{Name: "agrees", Files: several[:2], Config: `{"mismatch":"fail"}`},
			{Name: "accepted", Files: several[:2], Config: `{"accept":["image/*","application/x-pdf"]}`},
			{
				Name: "empty", Files: []stagetest.Content{file("e.pdf", "application/pdf", "")}, Check: checkEmpty,
				Config: `{"mismatch":"fail"}`,
			},
			{Name: "mismatch", Files: several, Config: `{"mismatch":"fail"}`, Fault: fault.IdentifyMismatch},
			{Name: "not accepted", Files: several, Config: `{"accept":["image/*"]}`, Fault: fault.IdentifyNotAccepted},
			{Name: "no files", Fault: fault.StageNoInput},
		},
		BadConfigs: []string{`{"mismatch":"ignore"}`, `{"accept":["[a"]}`, `{"accept":"image/*"}`},
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Files: []stagetest.Content{f}}
		},
		MaxHeap: 48 << 20,
	})
}

func checkSeveral(t *testing.T, task *stage.Task, r stage.Result) {
	var kinds []string
	for i, f := range r.Files {
		kinds = append(kinds, f.MediaType)
		f.MediaType = task.Files[i].MediaType
		if diff := cmp.Diff(task.Files[i], f); diff != "" {
			t.Errorf("more than the media type has changed: %s", diff)
		}
	}
	want := []string{"application/pdf", "image/png", "image/png", "application/octet-stream"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	found := map[string]string{
		"media_type":  "application/pdf",
		"media_types": "application/octet-stream,application/pdf,image/png",
		"mismatches":  "1", "mismatch": "c.pdf is image/png, but is declared as application/pdf",
	}
	if diff := cmp.Diff(found, r.Findings); diff != "" {
		t.Error(diff)
	}
}

func checkEmpty(t *testing.T, _ *stage.Task, r stage.Result) {
	if r.Files[0].MediaType != "application/x-empty" || r.Findings["mismatches"] != "0" {
		t.Errorf("got %v", r)
	}
}

// TestClaims judges honest and dishonest declarations and names.
func TestClaims(t *testing.T) {
	t.Parallel()
	docx := zipped(t, "[Content_Types].xml", "_rels/.rels", "word/document.xml")
	tests := []struct {
		name, declared, content string
		honest                  bool
	}{
		{"a.pdf", "application/pdf", pdf, true},
		{"a.pdf", "Application/PDF; version=1", pdf, true},
		{"a.PDF", "", pdf, true},
		{"a.pdf", "image/png", pdf, false},
		{"a.png", "", pdf, false},
		{"a.pdf", "", png, false},
		{"a.jpg", "", elf, false},
		{"invoice.pdf", "", elf, false},
		{"invoice.pdf", "", "\x00\x01\x02\x03 nothing known", false},
		{"a", "application/pdf", "plain text", false},
		{"a.txt", "text/plain", "plain text", true},
		{"a.txt", "text/plain", svg, true}, // it is text
		{"a.svg", "image/svg+xml", svg, true},
		{"a.xml", "application/xml", svg, true},
		{"a.svg", "", `<?xml version="1.0"?><other/>`, true}, // XML may be one
		{"a.xml", "", `{"a":1}`, false},
		{"a.json", "", "{\"a\":1}\n{\"a\":2}\n", true},
		{"a.csv", "text/csv", csv, true},
		{"a.csv", "text/csv", "one column\n", true}, // text may be CSV
		{"a.csv", "text/plain", csv, true},
		{"a.md", "text/markdown", "# Title\n", true},
		{"a.md", "text/markdown", "<p>html</p>", true},
		{"a.md", "text/markdown", png, false},
		{"a.json", "application/json", `{"a":1}`, true},
		{"a.json", "application/vnd.api+json", `{"a":1}`, true},
		{"a.geojson", "application/geo+json", `{"a":1}`, true},
		{"a.docx", "", docx, true},
		{"a.docx", "application/zip", docx, true},
		{"a.docx", "", zipped(t, "x"), true}, // a zip may be one
		{"a.zip", "", docx, true},
		{"a.jar", "", pdf, false},
		{"a.tgz", "application/gzip", gzip, true},
		{"a.tar.gz", "application/x-gzip", gzip, true},
		{"a.tar", "", gzip, false},
		{"a.bin", "application/octet-stream", png, true}, // says nothing
		{"a.unknown", "application/x-unheard-of", png, false},
		{"a.unknown", "application/x-unheard-of", "\x00\x01\x02\x03", true},
		{"a.unknown", "application/x-unheard-of", "text", true},
		{"a.unknown", "application/x-unheard-of", zipped(t, "x"), true},
		{"a", "banana", png, true}, // no media type claims nothing
		{"a", ";;;", png, true},
	}
	for _, test := range tests {
		task := stagetest.NewTask(t, stagetest.Case{
			Files:  []stagetest.Content{file(test.name, test.declared, test.content)},
			Config: `{"mismatch":"fail"}`,
		})
		r, err := identify.New().Run(t.Context(), task)
		if err != nil && !fault.Has(err, fault.IdentifyMismatch) {
			t.Fatal(err)
		}
		if honest := err == nil; honest != test.honest {
			t.Errorf("%s, declared as %q, honest: %v, want %v (%v)", test.name, test.declared, honest, test.honest, err)
		}
		if err == nil && strings.Contains(r.Files[0].MediaType, ";") {
			t.Errorf("%s: the type has parameters: %s", test.name, r.Files[0].MediaType)
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	var c stagetest.Case
	for i := range 300 {
		name := fmt.Sprintf("%s-%d.png", strings.Repeat("n", 200), i)
		c.Files = append(c.Files, file(name, "image/png", pdf+fmt.Sprint(i)))
	}
	r, err := identify.New().Run(t.Context(), stagetest.NewTask(t, c))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
	if r.Findings["mismatches"] != "300" {
		t.Errorf("got %v", r.Findings)
	}
}
