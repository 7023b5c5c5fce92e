package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/deploy/verify"
)

// goTest runs go test in a folder and counts its tests. A package that fails without a
// failing test, because it does not compile or its process died, counts as one
// that failed.
func goTest(ctx context.Context, out io.Writer, dir string, args ...string) tally {
	cmd := start(ctx, "go", append([]string{"test", "-json"}, args...)...)
	var complaints bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &complaints
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		_, _ = fmt.Fprintf(out, "ci: go test: %v\n", err)
		return tally{failed: 1}
	}
	r := newReport(out)
	r.read(pipe)
	err = cmd.Wait()
	_, _ = out.Write(complaints.Bytes())
	switch {
	case err != nil && r.total.failed == 0:
		_, _ = fmt.Fprintf(out, "ci: go test: %v\n", err)
		r.total.failed++
	case r.total.passed+r.total.failed == 0:
		_, _ = fmt.Fprintln(out, "ci: go test ran no test")
		r.total.failed++
	}
	return r.total
}

// event is one line of go test -json.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build output
	FailedBuild string
	Test        string
	Output      string
	Elapsed     float64
}

// report follows a run of go test: it prints a line for each package when that
// is done, and what a failing test said.
type report struct {
	out    io.Writer
	total  tally
	said   map[string]map[string][]string // by package and test, of what is not done
	builds map[string][]string            // by import path
	counts map[string]*tally              // by package
}

func newReport(out io.Writer) *report {
	return &report{
		out: out, said: map[string]map[string][]string{}, builds: map[string][]string{}, counts: map[string]*tally{},
	}
}

func (r *report) read(from io.Reader) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil && e.Action != "" {
			r.event(e)
		} else if len(bytes.TrimSpace(line)) > 0 {
			_, _ = r.out.Write(line)
		}
		if err != nil {
			return
		}
	}
}

func (r *report) event(e event) {
	switch e.Action {
	case "start":
		r.said[e.Package], r.counts[e.Package] = map[string][]string{}, &tally{}
	case "build-output":
		r.builds[e.ImportPath] = append(r.builds[e.ImportPath], e.Output)
	case "output":
		if tests := r.said[e.Package]; tests != nil {
			tests[e.Test] = append(tests[e.Test], e.Output)
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.done(e)
		} else {
			r.ended(e)
		}
	}
}

// ended handles the end of a test. Only tests at the top are counted.
func (r *report) ended(e event) {
	if e.Action == "fail" {
		r.tell(e.Package, e.Test)
	}
	delete(r.said[e.Package], e.Test)
	c := r.counts[e.Package]
	if c == nil || strings.Contains(e.Test, "/") {
		return
	}
	switch e.Action {
	case "pass":
		c.passed++
	case "fail":
		c.failed++
	case "skip":
		c.skipped++
	}
}

// done handles the end of a package.
func (r *report) done(e event) {
	c := r.counts[e.Package]
	if c == nil {
		c = &tally{}
	}
	name := strings.TrimPrefix(e.Package, verify.Module+"/")
	if e.Action == "fail" {
		for _, line := range r.builds[e.FailedBuild] {
			_, _ = io.WriteString(r.out, line)
		}
		if c.failed == 0 {
			c.failed++
			r.tellAll(e.Package)
		}
	}
	word := "ok  "
	if c.failed > 0 {
		word = "FAIL"
	}
	if c.passed+c.failed+c.skipped > 0 {
		took := time.Duration(e.Elapsed * float64(time.Second)).Round(time.Second / 100)
		_, _ = fmt.Fprintf(r.out, "%s  %-40s %8s  %s\n", word, name, took, c)
	}
	r.total.add(*c)
	delete(r.said, e.Package)
	delete(r.counts, e.Package)
}

// tell prints what a test said.
func (r *report) tell(pkg, test string) {
	for _, line := range r.said[pkg][test] {
		if !strings.HasPrefix(line, "=== ") {
			_, _ = io.WriteString(r.out, line)
		}
	}
}

// tellAll prints everything a package said that was not printed yet, because it
// died and nobody knows which test it was.
func (r *report) tellAll(pkg string) {
	var tests []string
	for test := range r.said[pkg] {
		tests = append(tests, test)
	}
	slices.Sort(tests)
	for _, test := range tests {
		r.tell(pkg, test)
	}
}
