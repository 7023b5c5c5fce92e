package operator

import (
	"encoding/json"
	"strings"
	"sync"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
)

// letters are the messages that were published again and came back as dead letters.
// It is safe for concurrent use; the nil value has none.
type letters struct {
	mu    sync.Mutex
	codes map[string]string // by the id of the message
}

func newLetters() *letters { return &letters{codes: make(map[string]string)} }

// hear notes a new dead letter.
func (l *letters) hear(m *bus.Message) {
	var letter events.DeadLetter
	if err := json.Unmarshal(m.Data, &letter); err != nil {
		return // nobody can say what it is about
	}
	ids := letter.Headers[events.HeaderMsgID]
	if len(ids) == 0 || !strings.HasPrefix(ids[0], "redrive/") {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.codes[ids[0]] = string(letter.Code)
}

// back returns the fault of a message that came back.
func (l *letters) back(id string) (code string, back bool) {
	if l == nil || id == "" {
		return "", false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	code, back = l.codes[id]
	delete(l.codes, id)
	return code, back
}
