package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestScenarios does what the pages in deploy/docs/scenarios say, with the real program
// and in a folder of its own for each page. A block "yaml NAME" is a file. A block
// "console" has commands behind "$ ", each followed by what it prints; one that ends in
// & is millrace dev, and kill -9 %1 kills it. Times and durations differ from run to
// run, and what else a page names as <!-- varies: REGEXP -->. With -update the pages get
// what was printed where more than that differs.
func TestScenarios(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../deploy/docs/scenarios/*.md")
	if err != nil || len(pages) < 4 {
		t.Fatalf("there are %d pages: %v", len(pages), err)
	}
	for _, name := range pages {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".md"), func(t *testing.T) {
			t.Parallel()
			page, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s := newScenario(t, string(page))
			got := s.play(string(page))
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(s.still(string(page)), "\n"), strings.Split(s.still(got), "\n")); diff != "" {
				t.Errorf("the page says otherwise; look, then: go test ./services/millrace -run TestScenarios -update\n%s", diff)
			}
		})
	}
}

// scenario is a page that is being played.
type scenario struct {
	t      *testing.T
	dir    string
	mill   *exec.Cmd      // the last millrace dev
	varies *regexp.Regexp // what differs from run to run
	// shown is the digest of a plan as the page has it, and real as this run does: a
	// plan names when things happened. Both begin as what nothing has.
	shown, real string
}

// always is what differs in every run: times, durations, and how wide columns are.
const always = `(\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(\.\d+)?Z?|\b(\d+m ?)?\d+(\.\d+)? ?(µs|ms|s)\b|  +`

var declared = regexp.MustCompile(`<!-- varies: (.+) -->`)

func newScenario(t *testing.T, page string) *scenario {
	pattern := always
	for _, m := range declared.FindAllStringSubmatch(page, -1) {
		pattern += "|" + m[1]
	}
	s := &scenario{t: t, dir: t.TempDir(), varies: regexp.MustCompile(pattern), shown: "\x00", real: "\x00"}
	t.Cleanup(func() { s.kill(syscall.SIGTERM) })
	return s
}

// still is a text without what differs from run to run.
func (s *scenario) still(text string) string { return s.varies.ReplaceAllString(text, "…") }

// blocks are those with a language: its words, and what is inside.
var blocks = regexp.MustCompile("(?ms)^```(\\w+)( [^\n]+)?\n(.*?)^```$")

// play does what a page says and returns the page with what was printed.
func (s *scenario) play(page string) string {
	var out strings.Builder
	end := 0
	for _, at := range blocks.FindAllStringSubmatchIndex(page, -1) {
		body := page[at[6]:at[7]]
		switch {
		case page[at[2]:at[3]] == "console":
			body = s.console(body)
		case at[4] >= 0:
			s.write(page[at[4]+1:at[5]], body)
		}
		out.WriteString(page[end:at[6]] + body)
		end = at[7]
	}
	return out.String() + page[end:]
}

func (s *scenario) write(name, text string) {
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// console runs the commands of a block and returns it with what they print. Where that
// is the same but for what varies, it is left as it was.
func (s *scenario) console(block string) string {
	var out strings.Builder
	for part := range strings.SplitSeq(strings.TrimPrefix(block, "$ "), "\n$ ") {
		command, want, _ := strings.Cut(strings.TrimSuffix(part, "\n")+"\n", "\n")
		got := s.recognise(s.run(strings.ReplaceAll(command, s.shown, s.real)), want)
		if s.still(got) == s.still(want) {
			got = want
		}
		out.WriteString("$ " + command + "\n" + got)
	}
	return out.String()
}

// plan is where the digest of a plan is told.
var plan = regexp.MustCompile(`(?m)^plan +(sha256:[0-9a-f]{64})$`)

// recognise learns the digest of a plan, and returns what was printed with the one that
// the page shows, which later commands may name.
func (s *scenario) recognise(got, want string) string {
	if m := plan.FindStringSubmatch(got); m != nil {
		s.shown, s.real = m[1], m[1]
		if w := plan.FindStringSubmatch(want); w != nil {
			s.shown = w[1]
		}
	}
	return strings.ReplaceAll(got, s.real, s.shown)
}

// run runs a command and returns what it prints.
func (s *scenario) run(command string) string {
	s.t.Log("$ ", command)
	if line, ok := strings.CutSuffix(command, " &"); ok {
		s.start(line)
		return ""
	}
	if command == "kill -9 %1" {
		s.kill(syscall.SIGKILL)
		return ""
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	out, err := s.shell(ctx, command).CombinedOutput()
	if ctx.Err() != nil {
		s.t.Fatalf("%s takes too long, and has said: %.2000s", command, out)
	}
	s.t.Logf("%s%v", out, err)
	return string(out)
}

// shell is a command in the folder, which knows nothing of the settings of the machine.
func (s *scenario) shell(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TZ=UTC", "NO_COLOR=1", "LANG=C"}
	return cmd
}

// start starts a mill and waits until it takes work.
func (s *scenario) start(line string) {
	s.mill = s.shell(context.WithoutCancel(s.t.Context()), "exec "+line)
	if err := s.mill.Start(); err != nil {
		s.t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		var ready struct{ PID int }
		data, err := os.ReadFile(filepath.Join(s.dir, ".millrace", "run.json"))
		if err == nil && json.Unmarshal(bytes.TrimSpace(data), &ready) == nil && ready.PID == s.mill.Process.Pid {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatal("the mill does not start")
		}
	}
}

// kill ends the mill, if there is one.
func (s *scenario) kill(signal syscall.Signal) {
	if s.mill == nil {
		return
	}
	_ = s.mill.Process.Signal(signal)
	_ = s.mill.Wait() // it says how it ended, which is no news
	s.mill = nil
}
