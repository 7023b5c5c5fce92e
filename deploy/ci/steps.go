package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/millrace/millrace/deploy/verify"
)

// step is one part of the check.
type step struct {
	name, about string
	run         func(ctx context.Context, out io.Writer) tally
}

// steps are all parts, the quick ones first.
var steps = []step{
	{"format", "gofumpt finds nothing to change", format},
	{"vet", "go vet", command("go", "vet", "./...")},
	{"lint", "staticcheck", command("go", tool("staticcheck", "./...")...)},
	{"web", "dashboard and client have no type errors, and what is committed is that of their sources", both(
		command("go", "run", "./deploy/webcheck"), command("go", "run", "./deploy/webbuild", "-check"))},
	{"test", "all tests, none from the cache", test},
	{"examples", "go vet, staticcheck and all tests of the modules in deploy/examples", examples},
	{"race", "the tests of what is concurrent, under the race detector", race},
}

// tool is the arguments of go that run a pinned tool from its own module.
func tool(name string, args ...string) []string {
	return append([]string{"tool", "-modfile=deploy/tools/" + name + "/go.mod", name}, args...)
}

// command is a step that passes when a command does, and prints what it says.
func command(name string, args ...string) func(context.Context, io.Writer) tally {
	return commandIn(".", name, args...)
}

// both is a step of two.
func both(first, second func(context.Context, io.Writer) tally) func(context.Context, io.Writer) tally {
	return func(ctx context.Context, out io.Writer) tally {
		t := first(ctx, out)
		t.add(second(ctx, out))
		return t
	}
}

// commandIn is command in another folder.
func commandIn(dir, name string, args ...string) func(context.Context, io.Writer) tally {
	return func(ctx context.Context, out io.Writer) tally {
		cmd := start(ctx, name, args...)
		cmd.Dir = dir
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			_, _ = fmt.Fprintf(out, "ci: %s: %v\n", strings.Join(cmd.Args, " "), err)
			return tally{failed: 1}
		}
		return tally{passed: 1}
	}
}

// start prepares a command that is interrupted, not killed, when ctx ends.
func start(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// format fails for every file that gofumpt would change.
func format(ctx context.Context, out io.Writer) tally {
	var files bytes.Buffer
	t := command("go", tool("gofumpt", "-l", ".")...)(ctx, &files)
	if files.Len() == 0 {
		return t
	}
	_, _ = fmt.Fprintf(out, "run: go %s\n%s", strings.Join(tool("gofumpt", "-w", "."), " "), files.String())
	return tally{failed: max(1, bytes.Count(files.Bytes(), []byte("\n")))}
}

func test(ctx context.Context, out io.Writer) tally {
	return goTest(ctx, out, ".", "-count=1", "-timeout=15m", "./...")
}

// race runs the tests of the packages that start goroutines or use locks.
func race(ctx context.Context, out io.Writer) tally {
	if missing := noCompiler(ctx); missing != "" {
		_, _ = fmt.Fprintln(out, "ci: the race detector needs a C compiler, and "+missing)
		if os.Getenv("CI") != "" {
			return tally{failed: 1}
		}
		return tally{skipped: 1}
	}
	tree, err := verify.Load(os.DirFS("."))
	if err != nil {
		_, _ = fmt.Fprintf(out, "ci: %v\n", err)
		return tally{failed: 1}
	}
	// Many of them wait rather than compute: three at a time where there are two cores.
	at := "-p=" + strconv.Itoa(runtime.GOMAXPROCS(0)*3/2)
	args := []string{"-race", "-short", "-count=1", "-timeout=15m", at}
	for _, dir := range verify.Concurrent(tree) {
		args = append(args, "./"+dir)
	}
	return goTest(ctx, out, ".", args...)
}

// noCompiler says why there is no C compiler, or "".
func noCompiler(ctx context.Context) string {
	said, err := start(ctx, "go", "env", "CC").Output()
	if err != nil {
		return err.Error()
	}
	words := strings.Fields(string(said))
	if len(words) == 0 {
		return "none is configured"
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return err.Error()
	}
	return ""
}

// root is the folder of go.mod, at or above the working directory.
func root() string {
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}
