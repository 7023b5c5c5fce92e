package mill_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
	"github.com/millrace/millrace/pkg/flow"
	"github.com/millrace/millrace/services/mill"
)

// TestACommandIsTakenBack has a job fail after a program has run. The program that
// takes it back fails until a person has mended what it needs, and retries it.
func TestACommandIsTakenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorld(t, func(c *mill.Config) { c.AllowCommands = []string{"sh"} })
	w.apply("ship", `
    - id: ship
      uses: command@1
      retry: {maxAttempts: 2, initial: 10ms}
      with:
        run: [sh, -c, 'cat >`+dir+`/$MILLRACE_KEY; echo shipped']
        undo: {run: [sh, -c, 'test -e `+dir+`/key && rm -f `+dir+`/$MILLRACE_KEY']}
    - id: bill
      uses: command@1
      with: {run: [sh, -c, 'exit 3']}
      needs: [ship]
`)
	job := w.accepted("ship", inline("k", "parcel"))
	j := w.await(job, "to attention", func(j events.Job) bool { return j.State == events.JobAttention })
	u := j.Steps["ship"].Undo
	if u == nil || u.State != events.UndoAttention || u.Attempt != 2 || u.Fault == nil || u.Fault.Code != "command.failed" {
		t.Fatalf("the undo stands at %+v", u)
	}
	if len(filesIn(dir)(t)) != 1 || j.Steps["bill"].Undo != nil {
		t.Errorf("there is %v, and bill has the undo %+v", filesIn(dir)(t), j.Steps["bill"].Undo)
	}
	if err := os.WriteFile(filepath.Join(dir, "key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.command(job, events.Command{Verb: events.VerbRetry})
	j = w.final(job)
	if j.State != events.JobRolledBack || j.Steps["ship"].Undo.State != events.UndoDone {
		t.Errorf("it ends as %s with the undo %+v", j.State, j.Steps["ship"].Undo)
	}
	if diff := cmp.Diff(map[string]string{"/key": ""}, filesIn(dir)(t)); diff != "" {
		t.Errorf("left: %s", diff)
	}
	if p, err := flow.Rollback(planOf(t, pipelineFile("x", "    - {id: a, uses: command@1, with: {run: [sh]}}\n")), events.Job{
		ID: "x", State: events.JobCompleted, Steps: map[string]events.Step{"a": {State: events.StepSucceeded, Attempt: 1, Order: 1}},
	}); err == nil {
		t.Errorf("a program without an undo would be rolled back: %+v", p)
	}
}

// TestAnUndoThatNobodyCanTellOf is not repeated in the dark: it asks a person at once,
// and goes on when told to.
func TestAnUndoThatNobodyCanTellOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.apply("lost", `
    - id: act
      uses: simulate-effect@1
      with: { undo: { fail: { class: unknown_effect, times: 1 } } }
    - id: end
      uses: simulate@1
      with: { fail: { class: data_quality } }
`)
	job := w.accepted("lost", inline("k", "content"))
	j := w.await(job, "to attention", func(j events.Job) bool { return j.State == events.JobAttention })
	u := j.Steps["act"].Undo
	if u == nil || u.State != events.UndoAttention || u.Attempt != 1 || u.Spent != 0 || u.Decision == nil {
		t.Fatalf("the undo stands at %+v", u)
	}
	w.command(job, events.Command{Verb: events.VerbRetry})
	if j = w.final(job); j.State != events.JobRolledBack || j.Steps["act"].Undo.Attempt != 2 {
		t.Errorf("it ends as %s with the undo %+v", j.State, j.Steps["act"].Undo)
	}
}

// command gives a command to a job.
func (w *world) command(job string, cmd events.Command) {
	w.t.Helper()
	data, err := json.Marshal(cmd)
	if err == nil {
		err = w.conn.Publish(w.t.Context(), bus.Out{
			Subject: events.ControlSubject(events.DefaultTenant, job), ID: w.conn.NewInbox(), Data: data,
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
