package operator

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/bus"
)

// answers are what conductors say to requests for reruns, by item: a problem, or one
// without a code for a receipt. They may be lost. It is safe for concurrent use.
type answers struct {
	inbox string

	mu   sync.Mutex
	told map[int]events.Problem
}

func newAnswers(inbox string) *answers {
	return &answers{inbox: inbox, told: make(map[int]events.Problem)}
}

// hear notes an answer.
func (a *answers) hear(m *bus.Message) {
	n, err := strconv.Atoi(strings.TrimPrefix(m.Subject, a.inbox+"."))
	if err != nil {
		return
	}
	var p events.Problem
	if err := json.Unmarshal(m.Data, &p); err != nil {
		return // whoever waits asks again
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told[n] = p
}

// take returns the newest answer for an item, one time.
func (a *answers) take(n int) (p events.Problem, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok = a.told[n]
	delete(a.told, n)
	return p, ok
}
