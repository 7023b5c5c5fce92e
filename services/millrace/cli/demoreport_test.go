package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/demo"
	"github.com/millrace/millrace/services/millrace/term"
)

func TestDemoReportDecidesTheExitCode(t *testing.T) {
	t.Parallel()
	passed := demo.Check{Name: "published files", Passed: 1, Total: 1}
	failed := demo.Check{Name: "published files", Passed: 0, Total: 1, Problems: []string{"a: other\nbytes"}}
	good := demo.Item{Pick: demo.Pick{Path: "/a", Size: 4}, Published: "/base/results/a.zst"}
	wrong, broken := good, good
	wrong.Problems = failed.Problems
	broken.Err = fault.New(fault.IdentifyNotAccepted, "", nil)
	for _, c := range []struct {
		name string
		item demo.Item
		one  demo.Check
		exit int
		show string
	}{
		{"all is well", good, passed, 0, "a.zst   4 B       0 B        same bytes"},
		{"a result differs", wrong, failed, 1, "FAILED, 0 of 1\n  a: other\\nbytes"},
		{"a job failed", broken, failed, ExitNotAllowed, "FAILED, 0 of 1"},
	} {
		var out, talk bytes.Buffer
		p := &Program{Out: &out, Err: &talk, talk: term.NewTalk(&talk), output: outputText}
		r := &demo.Report{Items: []demo.Item{c.item}, Checks: []demo.Check{c.one}, Took: time.Second, Bytes: 4}
		if got := ExitOf(p.printReport(r, "/base", false)); got != c.exit {
			t.Errorf("%s: exit %d, want %d", c.name, got, c.exit)
		}
		if !strings.Contains(out.String(), c.show) {
			t.Errorf("%s: no %q in\n%s", c.name, c.show, out.String())
		}
		if !strings.Contains(talk.String(), "rm -r /base\n") {
			t.Errorf("%s: it does not say how to delete the results: %s", c.name, talk.String())
		}
	}
}

func TestQuotedCanBePasted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/srv/x-1": "/srv/x-1", "/a b": "'/a b'", "/it's": `'/it'\''s'`, "/$x": "'/$x'",
	} {
		if got := quoted(in); got != want {
			t.Errorf("quoted(%s) = %s, want %s", in, got, want)
		}
	}
}
