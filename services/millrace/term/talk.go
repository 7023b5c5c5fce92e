// Package term is how the command line speaks to people: messages, tables, bars
// and units. Data goes to standard output, talk to standard error; what came
// from outside (a file name, a server's text) is cleaned before it is shown, so
// that no name can move the cursor or fake a line.
package term

import (
	"fmt"
	"io"
	"sync"
)

// Name starts every line of talk.
const Name = "millrace"

// Talk writes messages for people, one per line, each starting with the name of
// the program. It is safe for concurrent use.
type Talk struct {
	mu sync.Mutex
	w  io.Writer
}

// NewTalk returns a Talk that writes to w.
func NewTalk(w io.Writer) *Talk { return &Talk{w: w} }

// Say writes "millrace: message".
func (t *Talk) Say(format string, args ...any) { t.line("", fmt.Sprintf(format, args...)) }

// Warn writes "millrace: warning: message".
func (t *Talk) Warn(format string, args ...any) { t.line("warning: ", fmt.Sprintf(format, args...)) }

// Error writes "millrace: error: message".
func (t *Talk) Error(message string) { t.line("error: ", message) }

// Hint writes "millrace: hint: message". It writes nothing for "".
func (t *Talk) Hint(message string) {
	if message != "" {
		t.line("hint: ", message)
	}
}

func (t *Talk) line(kind, message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Nothing is left to tell when standard error is gone.
	_, _ = fmt.Fprintf(t.w, "%s: %s%s\n", Name, kind, Clean(message))
}
