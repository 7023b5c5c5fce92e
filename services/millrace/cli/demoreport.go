package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/demo"
	"github.com/millrace/millrace/services/millrace/term"
)

const (
	// shownFiles is how many files the table of the demo lists.
	shownFiles = 15
	// shownPath is how many characters of a path fit into the table.
	shownPath = 48
)

// demoObject is the report of the demo under -o json.
type demoObject struct {
	Type     string       `json:"type"`
	OK       bool         `json:"ok"`
	Folder   string       `json:"folder"`
	Results  string       `json:"results"`
	TookMS   int64        `json:"took_ms"`
	Bytes    int64        `json:"bytes"`
	Records  int          `json:"records"`
	Hiccups  int          `json:"hiccups"`
	Retries  int          `json:"retries"`
	BytesPS  int64        `json:"bytes_per_second"`
	Checks   []demo.Check `json:"checks"`
	Files    []demoFile   `json:"files"`
	DataKept bool         `json:"data_kept"`
}

// demoFile is one file of the report.
type demoFile struct {
	Path          string   `json:"path"`
	Size          int64    `json:"size"`
	Digest        string   `json:"digest"`
	Job           string   `json:"job,omitempty"`
	State         string   `json:"state,omitempty"`
	Published     string   `json:"published,omitempty"`
	PublishedSize int64    `json:"published_size,omitempty"`
	TookMS        int64    `json:"took_ms"`
	Problems      []string `json:"problems,omitempty"`
}

// printReport prints what was checked and where the results are, and returns a
// fault when something did not pass: that of the first job that failed, or
// demo.check_failed.
func (p *Program) printReport(r *demo.Report, base string, kept bool) error {
	err := p.print(reportObject(r, base, kept), func(w io.Writer) error {
		return p.writeReport(w, r, base)
	})
	if err != nil {
		return err
	}
	if !p.asJSON() {
		p.talk.Say("results are in %s", filepath.Join(base, "results"))
		if kept {
			p.talk.Say("the mill's data is kept: millrace dev --data-dir %s", quoted(filepath.Join(base, "data")))
		}
		p.talk.Say("delete all of it with: rm -r %s", quoted(base))
	}
	if r.OK() {
		return nil
	}
	for _, i := range r.Items {
		if i.Err != nil {
			return i.Err
		}
	}
	for _, c := range r.Checks {
		if !c.OK() {
			return fault.New(fault.DemoCheckFailed, c.Name, nil)
		}
	}
	return nil
}

func (p *Program) writeReport(w io.Writer, r *demo.Report, base string) error {
	results := filepath.Join(base, "results") + string(filepath.Separator)
	files := term.NewTable("RESULT", "ORIGINAL", "PUBLISHED", "CHECK")
	for i, item := range r.Items {
		if i == shownFiles {
			files.Row(fmt.Sprintf("… and %d more", len(r.Items)-i))
			break
		}
		name, verdict := strings.TrimPrefix(item.Published, results), "same bytes"
		if name == "" {
			name = item.Path
		}
		if len(item.Problems) > 0 {
			verdict = "FAILED: " + item.Problems[0]
		}
		files.Row(term.ShortLeft(term.Clean(name), shownPath), term.Bytes(item.Size), term.Bytes(item.PublishedSize), verdict)
	}
	checks := term.NewTable("CHECKED", "RESULT")
	for _, c := range r.Checks {
		word := "ok"
		if !c.OK() {
			word = "FAILED"
		}
		checks.Row(c.Name, fmt.Sprintf("%s, %d of %d", word, c.Passed, c.Total))
		for _, problem := range c.Problems {
			checks.Row("  " + problem)
		}
	}
	for _, t := range []*term.Table{files, checks} {
		if _, err := t.WriteTo(w); err != nil {
			return err
		}
		if err := lines(w, "\n"); err != nil {
			return err
		}
	}
	return lines(w, "%s\n", summary(r))
}

func reportObject(r *demo.Report, base string, kept bool) demoObject {
	hiccups, retries := r.Again()
	o := demoObject{
		Type: "demo.report", OK: r.OK(), Folder: base, Results: filepath.Join(base, "results"),
		TookMS: r.Took.Milliseconds(), Bytes: r.Bytes, Records: r.Records, Hiccups: hiccups, Retries: retries,
		BytesPS: int64(float64(r.Bytes) / r.Took.Seconds()), Checks: r.Checks, DataKept: kept,
	}
	for _, i := range r.Items {
		o.Files = append(o.Files, demoFile{
			Path: i.Path, Size: i.Size, Digest: i.Digest, Job: i.Job, State: string(i.State),
			Published: i.Published, PublishedSize: i.PublishedSize, TookMS: i.Took.Milliseconds(),
			Problems: i.Problems,
		})
	}
	return o
}

// quoted makes a path safe to paste into a shell.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t\n'\"\\$`!*?[](){}<>|&;~#") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
