package command

import (
	"strings"
	"sync"

	"github.com/millrace/millrace/pkg/fault"
)

// tailSize is how much of what a program prints is kept to be shown.
const tailSize = 4 << 10

// tail keeps the end of what is written to it. It is safe for concurrent use.
type tail struct {
	mu  sync.Mutex
	end []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(p) >= tailSize {
		t.end = append(t.end[:0], p[len(p)-tailSize:]...)
		return len(p), nil
	}
	if excess := len(t.end) + len(p) - tailSize; excess > 0 {
		t.end = append(t.end[:0], t.end[excess:]...)
	}
	t.end = append(t.end, p...)
	return len(p), nil
}

// last returns at most n bytes of the end, on one line.
func (t *tail) last(n int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.Join(strings.Fields(fault.Clip(string(t.end), 2*tailSize)), " ")
	if len(text) > n {
		text = strings.ToValidUTF8(text[len(text)-n:], "")
	}
	return text
}
