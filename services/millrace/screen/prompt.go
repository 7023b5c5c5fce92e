package screen

import (
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/millrace/millrace/services/millrace/term"
)

// Prompt is a line that is typed in.
type Prompt struct {
	// Question stands before the line, and Limit is its greatest length in bytes.
	Question string
	Limit    int
	text     string
}

// Verdict says what a key did to a prompt.
type Verdict int

// Verdicts of a prompt.
const (
	// Typing means that the line goes on.
	Typing Verdict = iota
	// Entered means that the line is complete.
	Entered
	// Dismissed means that nothing is to be done.
	Dismissed
)

// Text is what has been typed.
func (p *Prompt) Text() string { return p.text }

// Press takes a key.
func (p *Prompt) Press(k tea.KeyMsg) Verdict {
	switch k.Type {
	case tea.KeyEsc:
		return Dismissed
	case tea.KeyEnter:
		return Entered
	case tea.KeyBackspace:
		_, size := utf8.DecodeLastRuneInString(p.text)
		p.text = p.text[:len(p.text)-size]
	case tea.KeyCtrlU:
		p.text = ""
	case tea.KeyRunes, tea.KeySpace:
		if more := p.text + string(k.Runes); len(more) <= p.Limit {
			p.text = more
		}
	}
	return Typing
}

// Lines shows the prompt: the question, and the end of what is typed.
func (p *Prompt) Lines(paint term.Paint, width int) []string {
	typed := term.ShortLeft(term.Clean(p.text), max(width-4, 1))
	return []string{paint.Strong(Cut(p.Question, width)), "> " + typed + paint.Strong("▏")}
}
