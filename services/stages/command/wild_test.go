package command_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage/stagetest"
	"github.com/millrace/millrace/services/stages/command"
)

// Programs that do not behave.

// list returns the names in a folder.
func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// children is where a program notes the processes it makes.
type children struct{ file string }

func noteChildren(t *testing.T) children {
	t.Helper()
	return children{filepath.Join(t.TempDir(), "pids")}
}

// checkDead waits until none of the processes runs any more.
func (c children) checkDead(t *testing.T, atLeast int) {
	t.Helper()
	data, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(string(data))
	if len(pids) < atLeast {
		t.Errorf("%d processes were started, want %d", len(pids), atLeast)
	}
	deadline := time.Now().Add(10 * time.Second)
	for _, text := range pids {
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		for runs(pid) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d still runs", pid)
			}
			<-time.After(5 * time.Millisecond)
		}
	}
}

// runs reports whether a process is there and not just waiting to be reaped by
// whoever has inherited it.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// TestPrintsForever stops programs that print or write without end.
func TestPrintsForever(t *testing.T) {
	t.Parallel()
	const limit = `,"max_output":"1MiB"`
	for name, config := range map[string]string{
		"stdout":          sh("while :; do echo yes; done", limit),
		"stderr":          sh("while :; do echo no >&2; done", limit),
		"stdout not used": shOut("while :; do echo yes; done", limit),
		"the output file": shOut(`while :; do cat /bin/sh; done >"$2"`, limit),
		"another file":    shOut("while :; do cat /bin/sh; done >other", limit),
		"many files":      sh("i=0; while :; do i=$((i+1)); >f$i; done", limit),
		"a hole":          shOut(`truncate -s 1G "$2"`, limit),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := run(t, config)
			if !fault.Has(err, fault.CommandTooMuchOutput) || fault.ClassOf(err) != fault.Policy {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestDeaf kills a program that ignores SIGTERM, with all its children, when it
// is over its time.
func TestDeaf(t *testing.T) {
	t.Parallel()
	c := noteChildren(t)
	config := sh(`trap "" TERM INT HUP; echo $$ >>`+c.file+
		`; for i in 1 2 3; do sh -c 'trap "" TERM; echo $$ >>`+c.file+`; while :; do sleep 1; done' & done; wait`,
		`,"time_limit":"1s"`)
	if _, err := run(t, config); !fault.Has(err, fault.CommandTimeout) {
		t.Errorf("got %v", err)
	}
	c.checkDead(t, 1)
}

// TestTerminates gives a program the time to end by itself.
func TestTerminates(t *testing.T) {
	t.Parallel()
	mark := filepath.Join(t.TempDir(), "mark")
	config := sh(`trap "echo ended >`+mark+`; exit 0" TERM; while :; do sleep 0.02; done`, `,"time_limit":"500ms"`)
	if _, err := run(t, config); !fault.Has(err, fault.CommandTimeout) {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(mark); err != nil || string(got) != "ended\n" {
		t.Errorf("it was not asked to end: %q, %v", got, err)
	}
}

// TestStopped kills a program that has stopped itself and so hears no SIGTERM.
func TestStopped(t *testing.T) {
	t.Parallel()
	if _, err := run(t, sh("kill -STOP $$", `,"time_limit":"100ms"`)); !fault.Has(err, fault.CommandTimeout) {
		t.Errorf("got %v", err)
	}
}

// TestLeavesChildren kills what a program leaves behind when it ends by itself.
func TestLeavesChildren(t *testing.T) {
	t.Parallel()
	c := noteChildren(t)
	task := stagetest.NewTask(t, stagetest.Case{
		Files: []stagetest.Content{text("a", "x")}, Config: sh(`sleep 300 & echo $! >>`+c.file+`; sh -c 'sleep 300' & echo $! >>`+c.file+`; echo ready`, ""),
	})
	r, err := command.New(command.Options{Allow: allow}).Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if got := stagetest.Read(t, task, r.Files[0]); string(got) != "ready\n" {
		t.Errorf("got %q", got)
	}
	c.checkDead(t, 2)
}

// TestEscapes runs a program whose child leaves the process group and keeps the
// output open: the run fails, and does not wait for it.
func TestEscapes(t *testing.T) {
	t.Parallel()
	c := noteChildren(t)
	_, err := run(t, sh("setsid sh -c 'echo $$ >>"+c.file+"; exec sleep 20' & while ! test -s "+c.file+"; do sleep 0.01; done", ""))
	if !fault.Has(err, fault.CommandFailed) || !strings.Contains(err.Error(), "left a process behind") {
		t.Errorf("got %v", err)
	}
	data, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("the child is not where it escaped to: %v", err)
	}
}

// TestCancelKills ends a run from outside, and leaves neither processes nor
// zombies.
func TestCancelKills(t *testing.T) {
	t.Parallel()
	c := noteChildren(t)
	task := stagetest.NewTask(t, stagetest.Case{
		Files:  []stagetest.Content{{Name: "big", Size: 5 << 20}},
		Config: `{"run":["sh","-c","trap '' TERM; echo $$ >>` + c.file + `; sleep 300 & echo $! >>` + c.file + `; wait"]}`,
	})
	ctx, stop := context.WithCancelCause(t.Context())
	why := fault.New(fault.JobCancelled, "", nil)
	done := make(chan error)
	go func() {
		_, err := command.New(command.Options{Allow: allow, KillGrace: 50 * time.Millisecond}).Run(ctx, task)
		done <- err
	}()
	for {
		data, _ := os.ReadFile(c.file)
		if len(strings.Fields(string(data))) == 2 {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	stop(why)
	if err := <-done; !fault.Has(err, fault.JobCancelled) {
		t.Errorf("got %v", err)
	}
	c.checkDead(t, 2)
	data, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.Fields(string(data))[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Errorf("the program's own process %d was not reaped", pid)
	}
}

// TestFullScratch runs out of disk while inputs are laid out.
func TestFullScratch(t *testing.T) {
	t.Parallel()
	stagetest.SmallDisk(t, func(t *testing.T, dir string) {
		task := stagetest.NewTask(t, stagetest.Case{
			Files:  []stagetest.Content{{Name: "big", Size: stagetest.SmallDiskSize + 1}},
			Config: `{"run":["cat","{{in}}"]}`,
		})
		task.Scratch = dir
		_, err := command.New(command.Options{Allow: allow}).Run(t.Context(), task)
		if !fault.Has(err, fault.StageScratchFull) || fault.ClassOf(err) != fault.Resource {
			t.Errorf("got %v", err)
		}
	})
}

// orphanVariable tells the test program, when it runs itself, where its command
// notes its process.
const orphanVariable = "MILLRACE_COMMAND_ORPHAN"

// TestDiesWithTheMill kills the process that runs a command, which must not go on
// alone.
func TestDiesWithTheMill(t *testing.T) {
	if file := os.Getenv(orphanVariable); file != "" {
		_, _ = run(t, sh("echo $$ >"+file+".part; mv "+file+".part "+file+"; exec sleep 300", "")) // never ends
		return
	}
	c := noteChildren(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestDiesWithTheMill$")
	cmd.Env = append(os.Environ(), orphanVariable+"="+c.file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(5 * time.Millisecond) {
		if _, err := os.Stat(c.file); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the command does not start")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	c.checkDead(t, 1)
}
