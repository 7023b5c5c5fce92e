package command_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/command"
)

var allow = []string{"sh", "cat", "/bin/true", "tr", "no-such-program-here", "/no/such/program"}

func text(name, content string) stagetest.Content {
	return stagetest.Content{Name: name, Data: []byte(content)}
}

// sh is a configuration that runs a shell script.
func sh(script, rest string) string {
	script = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(script)
	return `{"run":["sh","-c","` + script + `","sh","{{in}}"]` + rest + `}`
}

// shOut is sh with the path of an output as second argument.
func shOut(script, rest string) string {
	return strings.Replace(sh(script, rest), `"{{in}}"]`, `"{{in}}","{{out}}"]`, 1)
}

// outputs checks names and contents of the files.
func outputs(want ...string) func(*testing.T, *stage.Task, stage.Result) {
	return func(t *testing.T, task *stage.Task, r stage.Result) {
		var got []string
		for _, f := range r.Files {
			got = append(got, f.Name, string(stagetest.Read(t, task, f)))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCommand(t *testing.T) {
	two := []stagetest.Content{text("a.txt", "abc"), text("b c.txt", "def")}
	big := []stagetest.Content{{Name: "big", Size: 5 << 20}}
	stagetest.Test(t, stagetest.Kit{
		Stage:   command.New(command.Options{Allow: allow}),
		Effects: func(*testing.T) map[string]string { return nil }, // none declares an undo
		Cases: append(failures(two), []stagetest.Case{
			{
				Name: "filter", Files: two, Config: `{"run":["tr","a-z","A-Z"],"media_type":"text/plain"}`,
				Check: outputs("a.txt", "ABC", "b c.txt", "DEF"),
			},
			{
				Name: "paths", Files: two, Config: shOut(`cp "$1" "$2"`, `,"output":"{{stem}}-copy{{ext}}"`),
				Check: outputs("a-copy.txt", "abc", "b c-copy.txt", "def"),
			},
			{
				Name: "path to stdout", Files: two, Config: `{"run":["cat","{{in}}"],"output":"{{name}}.out"}`,
				Check: outputs("a.txt.out", "abc", "b c.txt.out", "def"),
			},
			{
				Name: "all by paths", Files: two, Config: `{"run":["cat","{{in}}"],"mode":"all","output":"joined"}`,
				Check: outputs("joined", "abcdef"),
			},
			{
				Name: "all by stdin", Files: two, Config: `{"run":["cat"],"mode":"all","output":"all-of-{{name}}"}`,
				Check: outputs("all-of-a.txt", "abcdef"),
			},
			{
				Name: "folder", Files: two[:1], Config: `{"run":["sh","-c","echo 2 >$1/b; echo 1 >$1/a; mkdir $1/sub; ln -s /etc/passwd $1/link","sh","{{outdir}}"]}`,
				Check: outputs("a", "1\n", "b", "2\n"),
			},
			{Name: "pass", Files: two, Config: sh(`echo "  $(wc -c <"$1")   bytes "`, `,"pass":true`), Check: checkPass},
			{Name: "large", Files: big, Config: `{"run":["cat"]}`, Check: func(t *testing.T, task *stage.Task, r stage.Result) {
				if r.Files[0].Digest != task.Files[0].Digest {
					t.Error("the content has changed")
				}
			}},
			{
				Name: "ignores its input", Files: big, Config: `{"run":["sh","-c","exec <&-; echo done"]}`,
				Check: outputs("big", "done\n"),
			},
			{Name: "by its path", Files: two[:1], Config: `{"run":["/bin/true"]}`, Check: outputs("a.txt", "")},
			{Name: "by its name", Files: two[:1], Config: `{"run":["true"]}`, Check: outputs("a.txt", "")},
		}...),
		BadConfigs: []string{
			`{"run":[]}`, `{"run":[""]}`, `{"run":"cat"}`, `{"run":["{{name}}"]}`, `{"run":["cat","{{inn}}"]}`,
			`{"run":["cat","a\u0000b"]}`, `{"run":["cat"],"mode":"some"}`, `{"run":["cat","-x{{in}}"],"mode":"all"}`,
			`{"run":["cat","{{out}}","{{outdir}}"]}`, `{"run":["cat","{{out}}"],"pass":true}`,
			`{"run":["cat"],"output":""}`, `{"run":["cat"],"output":"{{in}}"}`, `{"run":["cat"],"max_output":0}`,
			`{"run":["cat"],"time_limit":5}`, `{"run":["cat"],"env":{"LD_PRELOAD":"x"}}`,
		},
		Large: func(f stagetest.Content) stagetest.Case {
			return stagetest.Case{Files: []stagetest.Content{f}, Config: `{"run":["cat"]}`}
		},
		MaxHeap: 32 << 20,
	})
}

// failures are runs that fail, of two files or other ones.
func failures(two []stagetest.Content) []stagetest.Case {
	script := func(name, script string, want fault.Code) stagetest.Case {
		return stagetest.Case{Name: name, Files: two[:1], Config: sh(script, ""), Fault: want}
	}
	return []stagetest.Case{
		script("status 3", "exit 3", fault.CommandFailed),
		script("status 75", "exit 75", fault.CommandTryLater),
		script("signal", "kill -SEGV $$", fault.CommandFailed),
		{Name: "no output", Files: two[:1], Config: shOut("true", ""), Fault: fault.CommandNoOutput},
		{Name: "output is a link", Files: two[:1], Config: shOut(`ln -s /etc/passwd "$2"`, ""), Fault: fault.CommandNoOutput},
		{Name: "output is a folder", Files: two[:1], Config: shOut(`mkdir "$2"`, ""), Fault: fault.CommandNoOutput},
		{Name: "folder stays empty", Files: two[:1], Config: `{"run":["true","{{outdir}}"]}`, Fault: fault.CommandNoOutput},
		{Name: "not allowed", Files: two, Config: `{"run":["ls"]}`, Fault: fault.CommandNotAllowed},
		{Name: "not allowed by path", Files: two, Config: `{"run":["/usr/bin/cat"]}`, Fault: fault.CommandNotAllowed},
		{Name: "another of that name", Files: two, Config: `{"run":["./cat"]}`, Fault: fault.CommandNotAllowed},
		{Name: "missing", Files: two, Config: `{"run":["no-such-program-here"]}`, Fault: fault.CommandNotFound},
		{Name: "missing path", Files: two, Config: `{"run":["/no/such/program"]}`, Fault: fault.CommandNotFound},
		{Name: "time limit", Files: two[:1], Config: sh("sleep 60", `,"time_limit":"50ms"`), Fault: fault.CommandTimeout},
		{
			Name: "name as option", Files: []stagetest.Content{text("-rf", "x")},
			Config: `{"run":["cat","{{name}}"]}`, Fault: fault.SubmitBadName,
		},
		{
			Name: "hostile name", Files: []stagetest.Content{text("../../etc/passwd", "x")},
			Config: `{"run":["cat","{{in}}"]}`, Fault: fault.SubmitBadName,
		},
		{Name: "no files", Config: `{"run":["cat"]}`, Fault: fault.StageNoInput},
	}
}

func checkPass(t *testing.T, task *stage.Task, r stage.Result) {
	want := stage.Result{Files: task.Files, Findings: map[string]string{"commands": "2", "stdout": "3 bytes"}}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
}

// run runs one configuration on one small file.
func run(t *testing.T, config string) (stage.Result, error) {
	t.Helper()
	task := stagetest.NewTask(t, stagetest.Case{
		Files: []stagetest.Content{text("a.txt", "abc")}, Config: config,
	})
	return command.New(command.Options{Allow: allow}).Run(t.Context(), task)
}

func TestNothingAllowed(t *testing.T) {
	t.Parallel()
	task := stagetest.NewTask(t, stagetest.Case{
		Files: []stagetest.Content{text("a", "x")}, Config: `{"run":["cat"]}`,
	})
	if _, err := command.New(command.Options{}).Run(t.Context(), task); !fault.Has(err, fault.CommandNotAllowed) {
		t.Errorf("got %v", err)
	}
}

func TestComplaintIsShown(t *testing.T) {
	t.Parallel()
	_, err := run(t, sh(`yes noise | head -c 100000 >&2; printf 'the \033[31mcause\n\n of it' >&2; exit 4`, ""))
	if !fault.Has(err, fault.CommandFailed) {
		t.Fatalf("got %v", err)
	}
	text := fault.From(err).Message()
	for _, want := range []string{"exit status 4", "[31mcause of it"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
	if strings.ContainsAny(text, "\n\033") {
		t.Errorf("control characters in %q", text)
	}
}

// TestEnvironment checks that nothing of the mill's environment leaks but PATH.
func TestEnvironment(t *testing.T) {
	t.Setenv("MILLRACE_SECRET", "hidden")
	task := stagetest.NewTask(t, stagetest.Case{
		Files: []stagetest.Content{text("a", "x")}, Config: `{"run":["sh","-c","env; pwd; echo $PPID >/dev/null; ls ..; echo $HOME"]}`,
	})
	r, err := command.New(command.Options{Allow: allow}).Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	got := string(stagetest.Read(t, task, r.Files[0]))
	if strings.Contains(got, "hidden") {
		t.Errorf("the environment leaks: %s", got)
	}
	for _, want := range []string{
		"MILLRACE_JOB=" + task.Job, "MILLRACE_STEP=step", "MILLRACE_ATTEMPT=1", "TZ=UTC", task.Scratch,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
}

func TestScratchIsRemoved(t *testing.T) {
	t.Parallel()
	task := stagetest.NewTask(t, stagetest.Case{
		Files:  []stagetest.Content{text("a", "x")},
		Config: `{"run":["sh","-c","mkdir -p deep/er; echo x >deep/er/file; chmod 000 deep/er deep"]}`,
	})
	if _, err := command.New(command.Options{Allow: allow}).Run(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	if left := list(t, task.Scratch); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPlaceholdersInNamesStay(t *testing.T) {
	t.Parallel()
	task := stagetest.NewTask(t, stagetest.Case{
		Files: []stagetest.Content{text("x{{out}}$(id)`id`", "abc")}, Config: `{"run":["sh","-c","echo \"$1\"","sh","{{name}}"],"output":"out"}`,
	})
	r, err := command.New(command.Options{Allow: allow}).Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if got := stagetest.Read(t, task, r.Files[0]); !bytes.Equal(got, []byte("x{{out}}$(id)`id`\n")) {
		t.Errorf("got %q", got)
	}
}
