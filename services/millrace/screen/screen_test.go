package screen

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/services/millrace/term"
)

func TestPromptTakesALine(t *testing.T) {
	t.Parallel()
	p := Prompt{Question: "why?", Limit: 6}
	for _, k := range []tea.KeyMsg{
		{Type: tea.KeyRunes, Runes: []rune("aä")},
		{Type: tea.KeySpace, Runes: []rune(" ")},
		{Type: tea.KeyRunes, Runes: []rune("日本")},
		{Type: tea.KeyRunes, Runes: []rune("\n")},
		{Type: tea.KeyRunes, Runes: []rune("x")},
		{Type: tea.KeyBackspace},
	} {
		if v := p.Press(k); v != Typing {
			t.Errorf("%v: %v", k, v)
		}
	}
	if p.Text() != "aä \n" {
		t.Errorf("%q", p.Text())
	}
	if diff := cmp.Diff([]string{"why?", `> aä \n▏`}, p.Lines(term.Paint{}, 20)); diff != "" {
		t.Error(diff)
	}
	if p.Press(tea.KeyMsg{Type: tea.KeyEnter}) != Entered || p.Press(tea.KeyMsg{Type: tea.KeyEsc}) != Dismissed {
		t.Error("Enter or Esc is not taken")
	}
	p.Press(tea.KeyMsg{Type: tea.KeyCtrlU})
	if p.Press(tea.KeyMsg{Type: tea.KeyBackspace}); p.Text() != "" {
		t.Errorf("%q is left", p.Text())
	}
}

func TestLayout(t *testing.T) {
	t.Parallel()
	p := term.Paint{On: true}
	for got, want := range map[string]string{
		Cut("日本語", 4):              "日…",
		Pad("日本", 6) + "|":         "日本  |",
		Ends("left", "right", 12):  "left   right",
		Ends("left", "right", 8):   "left",
		Cut(p.Good("abc"), 2):      "\x1b[32ma…\x1b[0m",
		Keys(term.Paint{}, nil, 9): "",
		Keys(term.Paint{}, []Key{{"a", "one"}, {"b", "two"}, {"q", "quit"}}, 13): "a one  q quit",
		Fit(3, 3, []string{"head"}, []string{"b", "c"}, []string{"foot"}):        "he…\nb\nfo…",
		Fit(9, 1, []string{"head"}, nil, []string{"why", "foot"}):                "foot",
		strings.Join(Around([]string{"a", "b", "c", "d"}, 3, 2), ""):             "cd",
		strings.Join(Around([]string{"a", "b", "c", "d"}, -1, 2), ""):            "ab",
		strings.Join(Around([]string{"a"}, 0, 0), ""):                            "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for key, want := range map[string]int{"up": 1, "j": 3, "g": 0, "G": 4, "x": 2} {
		if got := Move(key, 2, 5); got != want {
			t.Errorf("%s leads to %d, want %d", key, got, want)
		}
	}
	if Move("down", 0, 0) != 0 {
		t.Error("nothing to move in")
	}
}
