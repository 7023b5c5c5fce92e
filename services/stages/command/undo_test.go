package command_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/command"
)

// shelf is a folder that programs put things on, and take them off again.
type shelf string

// config is a step that puts its input on the shelf, runs more, and says how to take
// it off again.
func (s shelf) config(more string) string {
	return s.named("", more, `rm -f `+string(s)+`/$MILLRACE_KEY`, "")
}

func (s shelf) with(more, undo, rest string) string { return s.named("", more, undo, rest) }

// named is with, for things that are called as name says.
func (s shelf) named(name, more, undo, rest string) string {
	do := `cat >` + string(s) + `/$MILLRACE_KEY$1; ` + more
	return `{"run":["sh","-c",` + quoted(do) + `,"sh"` + name + `],"undo":{"run":["sh","-c",` + quoted(undo) + `,"sh","{{in}}","{{made}}"]}` + rest + `}`
}

func quoted(text string) string {
	data, _ := json.Marshal(text) // of a string: cannot fail
	return string(data)
}

// things are on the shelf, by their names.
func (s shelf) things(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, path := range list(t, string(s)) {
		data, err := os.ReadFile(filepath.Join(string(s), path))
		if err != nil {
			t.Fatal(err)
		}
		out[path] = string(data)
	}
	return out
}

// TestUndoKit runs the kit on a step that declares its undo. The cases are few,
// because each program is a process.
func TestUndoKit(t *testing.T) {
	s := shelf(t.TempDir())
	two := []stagetest.Content{text("a.txt", "abc"), text("b.txt", "def")}
	stagetest.Test(t, stagetest.Kit{
		Stage:   command.New(command.Options{Allow: allow}),
		Effects: s.things,
		Cases: []stagetest.Case{
			{Name: "each", Files: two, Config: s.named(`,"-{{name}}"`, "echo done", "rm -f "+string(s)+"/$MILLRACE_KEY-*", ""), Check: outputs("a.txt", "done\n", "b.txt", "done\n")},
			{Name: "pass", Files: two[:1], Config: s.with("echo done", `rm -f `+string(s)+`/$MILLRACE_KEY`, `,"pass":true`)},
			{Name: "undo that is not allowed", Files: two, Config: `{"run":["cat"],"undo":{"run":["rm"]}}`, Fault: fault.CommandNotAllowed},
		},
		BadConfigs: []string{
			`{"run":["cat"],"undo":{}}`, `{"run":["cat"],"undo":{"run":[]}}`, `{"run":["cat"],"undo":{"run":["cat","{{out}}"]}}`,
			`{"run":["cat"],"undo":{"run":["cat","x{{made}}"]}}`, `{"run":["cat","{{made}}"]}`,
			`{"run":["cat"],"undo":{"run":["cat"],"max_output":0}}`, `{"run":["cat"],"undo":{"run":["cat"],"odd":1}}`,
		},
	})
}

// TestUndoIsToldWhatWasDone wants the undo to get the inputs, the outputs and what is
// known of the run.
func TestUndoIsToldWhatWasDone(t *testing.T) {
	t.Parallel()
	s := shelf(t.TempDir())
	undo := `cat >` + string(s) + `/told; cat "$1" >` + string(s) + `/in; cat "$2" >` + string(s) + `/made; echo $MILLRACE_UNDO $MILLRACE_KEY >` + string(s) + `/env`
	j := stagetest.NewJob(t, stagetest.Case{
		Name: "told", Files: []stagetest.Content{text("a.txt", "abc")}, Config: s.with("echo made", undo, ""),
	})
	c := command.New(command.Options{Allow: allow})
	done, err := c.Run(t.Context(), j.Attempt())
	if err != nil {
		t.Fatal(err)
	}
	task := j.Undo()
	if err := c.(stage.Compensator).Compensate(t.Context(), task, done); err != nil {
		t.Fatal(err)
	}
	id := events.EffectID(task.Tenant, task.Job, task.Step, "run.0")
	got := s.things(t)
	var told struct {
		Key, Job, Step string
		Ended          bool
		Files, Made    []events.File
	}
	if err := json.Unmarshal([]byte(got["told"]), &told); err != nil {
		t.Fatal(err)
	}
	if told.Key != id || told.Job != task.Job || told.Step != "step" || !told.Ended {
		t.Errorf("the undo is told %+v", told)
	}
	if diff := cmp.Diff(task.Files, told.Files); diff != "" {
		t.Errorf("inputs: %s", diff)
	}
	if diff := cmp.Diff(done.Files, told.Made); diff != "" {
		t.Errorf("outputs: %s", diff)
	}
	delete(got, "told")
	want := map[string]string{id: "abc", "in": "abc", "made": "made\n", "env": "1 " + id + "\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestUndoOfWhatFailed wants a run that failed in the middle to be taken back, and
// one that never began not to be.
func TestUndoOfWhatFailed(t *testing.T) {
	t.Parallel()
	s := shelf(t.TempDir())
	j := stagetest.NewJob(t, stagetest.Case{
		Name: "failed", Files: []stagetest.Content{text("a.txt", "abc"), text("b.txt", "def")},
		Config: s.with("exit 3", `echo $MILLRACE_KEY >>`+string(s)+`/undone; rm `+string(s)+`/$MILLRACE_KEY`, ""),
	})
	c := command.New(command.Options{Allow: allow})
	if _, err := c.Run(t.Context(), j.Attempt()); !fault.Has(err, fault.CommandFailed) {
		t.Fatalf("got %v", err)
	}
	if n := len(s.things(t)); n != 1 {
		t.Fatalf("%d runs have left something, want the first", n)
	}
	for range 2 { // the second finds that all is undone
		task := j.Undo()
		if err := c.(stage.Compensator).Compensate(t.Context(), task, stage.Result{}); err != nil {
			t.Fatal(err)
		}
		id := events.EffectID(task.Tenant, task.Job, task.Step, "run.0")
		if diff := cmp.Diff(map[string]string{"undone": id + "\n"}, s.things(t)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestUndoThatFails wants the fault of the program, and the next undo to run it again.
func TestUndoThatFails(t *testing.T) {
	t.Parallel()
	s := shelf(t.TempDir())
	j := stagetest.NewJob(t, stagetest.Case{
		Name: "stuck", Files: []stagetest.Content{text("a.txt", "abc")},
		Config: s.with("true", `test -e `+string(s)+`/key || exit 4; rm -f `+string(s)+`/$MILLRACE_KEY`, ""),
	})
	c := command.New(command.Options{Allow: allow})
	done, err := c.Run(t.Context(), j.Attempt())
	if err != nil {
		t.Fatal(err)
	}
	undo := c.(stage.Compensator).Compensate
	if err := undo(t.Context(), j.Undo(), done); !fault.Has(err, fault.CommandFailed) || !strings.Contains(err.Error(), "status 4") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(string(s), "key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := undo(t.Context(), j.Undo(), done); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]string{"key": ""}, s.things(t)); diff != "" {
		t.Error(diff)
	}
}

// TestManyOutputsAreRemembered wants a run with more files than a receipt has room for
// not to be repeated by the next attempt.
func TestManyOutputsAreRemembered(t *testing.T) {
	t.Parallel()
	s := shelf(t.TempDir())
	do := `echo x >>` + string(s) + `/runs; for i in $(seq 100); do echo $i >$1/$i; done`
	j := stagetest.NewJob(t, stagetest.Case{
		Name: "many", Files: []stagetest.Content{text("a.txt", "abc")},
		Config: `{"run":["sh","-c",` + quoted(do) + `,"sh","{{outdir}}"],"undo":{"run":["true"]}}`,
	})
	c := command.New(command.Options{Allow: allow})
	first, err := c.Run(t.Context(), j.Attempt())
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Run(t.Context(), j.Attempt())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" || len(first.Files) != 100 {
		t.Errorf("%d files: %s", len(first.Files), diff)
	}
	if got := s.things(t)["runs"]; got != "x\n" {
		t.Errorf("it ran again: %q", got)
	}
}

// TestNoUndoWithoutALedger wants a program that could not be taken back not to be run.
func TestNoUndoWithoutALedger(t *testing.T) {
	t.Parallel()
	s := shelf(t.TempDir())
	task := stagetest.NewTask(t, stagetest.Case{Files: []stagetest.Content{text("a.txt", "abc")}, Config: s.config("true")})
	bare := *task
	bare.Checkpoints = nil
	if _, err := command.New(command.Options{Allow: allow}).Run(t.Context(), &bare); !fault.Has(err, fault.EffectRefused) {
		t.Errorf("got %v", err)
	}
	if n := len(s.things(t)); n > 0 {
		t.Errorf("%d things are on the shelf", n)
	}
}
