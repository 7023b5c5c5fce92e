package term

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/services/millrace/term/termtest"
)

func TestCleanShowsWhatCouldMoveTheCursor(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"report.pdf":            "report.pdf",
		"a\nmillrace: done":     `a\nmillrace: done`,
		"\x1b[2J\x07":           `\x1b[2J\a`,
		"naïve 日本":              "naïve 日本",
		"\xff\xfe":              `\xff\xfe`,
		"\uFFFD":                "\uFFFD",
		"a\u202egpj.exe":        `a\u202egpj.exe`,
		"line\u2028break\u0085": `line\u2028break\u0085`,
		"tab\tquote\"'":         `tab\tquote"'`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestShortKeepsTheBeginningOrTheEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n           int
		left, right string
	}{{9, "äbc/d.txt", "äbc/d.txt"}, {5, "….txt", "äbc/…"}, {1, "t", "ä"}, {0, "", ""}} {
		if got := ShortLeft("äbc/d.txt", c.n); got != c.left {
			t.Errorf("ShortLeft to %d: %q, want %q", c.n, got, c.left)
		}
		if got := Short("äbc/d.txt", c.n); got != c.right {
			t.Errorf("Short to %d: %q, want %q", c.n, got, c.right)
		}
	}
}

func TestTableAlignsAndCleans(t *testing.T) {
	t.Parallel()
	table := NewTable("JOB", "STATE")
	table.Row("abc", "running", "x\ny")
	table.Row("ä", "ok")
	var b strings.Builder
	if _, err := table.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	want := "JOB  STATE\nabc  running  x\\ny\nä    ok\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for got, want := range map[string]string{
		Bytes(0):                           "0 B",
		Bytes(1023):                        "1023 B",
		Bytes(1536):                        "1.5 KiB",
		Bytes(5 << 30):                     "5.0 GiB",
		Bytes(1<<63 - 1):                   "8.0 EiB",
		Rate(10<<20, 2*time.Second):        "5.0 MiB/s",
		Rate(1, 0):                         "-",
		Took(80 * time.Microsecond):        "80 µs",
		Took(1500 * time.Millisecond):      "1.50 s",
		Took(125 * time.Second):            "2m5s",
		Ago(now.Add(-90*time.Second), now): "1m",
		Ago(now.Add(-72*time.Hour), now):   "3d",
		Ago(now.Add(time.Hour), now):       "0s",
		Ago(time.Time{}, now):              "-",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestBarFillsByShare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		done, total int64
		want        string
	}{
		{0, 0, "░░░░"}, {1, 2, "██░░"}, {9, 2, "████"}, {-1, 2, "░░░░"}, {1 << 62, 1 << 62, "████"},
	} {
		if got := Bar(4, c.done, c.total); got != c.want {
			t.Errorf("Bar(4, %d, %d) = %s, want %s", c.done, c.total, got, c.want)
		}
	}
}

func TestTalkWritesOneLineEach(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	talk := NewTalk(&b)
	talk.Say("%d files", 3)
	talk.Warn("slow")
	talk.Error("no such\nfile")
	talk.Hint("look again")
	talk.Hint("")
	want := "millrace: 3 files\nmillrace: warning: slow\nmillrace: error: no such\\nfile\nmillrace: hint: look again\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestColorsNeedATerminalAndNoObjection(t *testing.T) {
	t.Parallel()
	terminal := termtest.Open(t).File
	env := func(values map[string]string) func(string) string {
		return func(name string) string { return values[name] }
	}
	xterm := map[string]string{"TERM": "xterm"}
	for _, c := range []struct {
		name            string
		redraw, color   bool
		toTerminal      bool
		withEnvironment map[string]string
	}{
		{"terminal", true, true, true, xterm},
		{"NO_COLOR", true, false, true, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}},
		{"dumb", false, false, true, map[string]string{"TERM": "dumb"}},
		{"pipe", false, false, false, xterm},
	} {
		getenv := env(c.withEnvironment)
		redraw, color := CanRedraw(&bytes.Buffer{}, getenv), CanColor(&bytes.Buffer{}, getenv)
		if c.toTerminal {
			redraw, color = CanRedraw(terminal, getenv), CanColor(terminal, getenv)
		}
		if redraw != c.redraw || color != c.color {
			t.Errorf("%s: redraw %v, color %v", c.name, redraw, color)
		}
	}
}

func TestPaintLeavesTextAloneWhenOff(t *testing.T) {
	t.Parallel()
	if got := (Paint{}).Good("x"); got != "x" {
		t.Errorf("off: %q", got)
	}
	if got := (Paint{On: true}).Bad("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("on: %q", got)
	}
}

func TestLiveDrawsUntilStopped(t *testing.T) {
	t.Parallel()
	terminal := termtest.Open(t)
	drawn := make(chan struct{}, 1000)
	live := NewLive(terminal.File, func(width, _ int) []string {
		select {
		case drawn <- struct{}{}:
		default:
		}
		return []string{"picture of " + Bytes(int64(width))}
	})
	<-drawn
	live.Print("a line above")
	if err := live.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := live.Stop(); err != nil {
		t.Fatalf("second stop: %v", err)
	}
	got := terminal.Shown()
	for _, want := range []string{"picture of", "a line above", "\x1b[?25h"} {
		if !strings.Contains(got, want) {
			t.Errorf("the terminal shows %q, want %q in it", got, want)
		}
	}
}
