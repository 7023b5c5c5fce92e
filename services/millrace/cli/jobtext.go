package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/millrace/term"
)

// writeJob writes a job in words: what it is, its steps, and what it left.
func writeJob(w io.Writer, j *api.Job, order []string, now time.Time) error {
	for _, t := range []*term.Table{jobTable(j, now), stepTable(&j.Job, order), fileTable(j.Job.Outputs)} {
		if t.Len() == 0 {
			continue
		}
		if _, err := t.WriteTo(w); err != nil {
			return err
		}
	}
	return nil
}

func jobTable(j *api.Job, now time.Time) *term.Table {
	t := term.NewTable()
	job := j.Job
	t.Row("job", job.ID)
	t.Row("pipeline", job.Pipeline.Name+" "+shortDigest(job.Pipeline.Digest))
	t.Row("state", stateText(job, now))
	if job.Key != "" {
		t.Row("key", job.Key)
	}
	for _, name := range slices.Sorted(maps.Keys(job.Labels)) {
		t.Row("label", name+"="+job.Labels[name])
	}
	if len(job.Missing) > 0 {
		t.Row("missing", strings.Join(job.Missing, ", "))
	}
	if job.Fault != nil {
		t.Row("fault", job.Fault.Message+" ("+job.Fault.Code+")")
		t.Row("hint", job.Fault.Hint)
	}
	if job.Rerun != nil {
		t.Row("rerun of", rerunText(job.Rerun))
	}
	if job.Reason != "" {
		t.Row("reason", job.Reason)
	}
	if text := allowedText(j.Allowed); text != "" {
		t.Row("allowed", text)
	}
	return t
}

func stateText(job events.Job, now time.Time) string {
	if job.FinishedAt.IsZero() {
		return string(job.State) + " for " + term.Ago(job.AcceptedAt, now)
	}
	return string(job.State) + " in " + term.Took(job.FinishedAt.Sub(job.AcceptedAt))
}

// stepTable lists the steps in the given order, and those it does not name by name.
// Those of a rerun say whose result they have, or why they were run again.
func stepTable(job *events.Job, order []string) *term.Table {
	ids := slices.Sorted(maps.Keys(job.Steps))
	rank := func(id string) int {
		if i := slices.Index(order, id); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(ids, func(a, b string) int { return rank(a) - rank(b) })
	columns := []string{"STEP", "STAGE", "STATE", "ATTEMPT"}
	if job.Rerun != nil {
		columns = append(columns, "REUSED")
	}
	t := term.NewTable(append(columns, "DETAIL")...)
	for _, id := range ids {
		s := job.Steps[id]
		row := []string{id, s.Stage, string(s.State), fmt.Sprint(s.Attempt)}
		if job.Rerun != nil {
			row = append(row, reuseText(s))
		}
		t.Row(append(row, stepDetail(s))...)
		if d := openDecision(s); d != nil {
			t.Row(append(make([]string, len(row)), "decide "+d.ID+" by "+clockText(d.DueAt)+", then "+string(d.Default))...)
		}
	}
	return t
}

func stepDetail(s events.Step) string {
	switch {
	case s.Undo != nil && s.Undo.Accepted != "":
		return "undo taken for done: " + s.Undo.Accepted
	case s.Undo != nil && s.Undo.Fault != nil:
		return "undo " + string(s.Undo.State) + ": " + s.Undo.Fault.Message + " (" + s.Undo.Fault.Code + ")"
	case s.Undo != nil:
		return "undo " + string(s.Undo.State)
	case s.Fault != nil:
		return s.Fault.Message + " (" + s.Fault.Code + ")"
	case s.Reason != "":
		return spaced(s.Reason)
	}
	return filesText(s.Files)
}

// filesText says how many files there are, and how large. It is empty for none.
func filesText(files []events.File) string {
	if len(files) == 0 {
		return ""
	}
	var size int64
	for _, f := range files {
		size += f.Size
	}
	return fmt.Sprintf("%d %s, %s", len(files), plural(len(files), "file", "files"), term.Bytes(size))
}

func fileTable(outputs map[string][]events.File) *term.Table {
	if len(outputs) == 0 {
		return term.NewTable()
	}
	t := term.NewTable("OUTPUT", "FILE", "SIZE", "DIGEST")
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		for _, f := range outputs[name] {
			t.Row(name, f.Name, term.Bytes(f.Size), f.Digest)
		}
	}
	return t
}

// shortDigest returns the beginning of a digest that is enough for people.
func shortDigest(d string) string {
	if len(d) > 19 {
		return d[:19]
	}
	return d
}
