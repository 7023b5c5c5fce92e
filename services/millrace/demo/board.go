package demo

import (
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/services/millrace/term"
)

// Board is the picture of a running demo: how many files have passed each step.
// It is safe for concurrent use.
type Board struct {
	mu       sync.Mutex
	start    time.Time
	files    int
	bytes    int64
	sent     int64
	through  int
	failed   int
	retries  int
	steps    []string
	settled  map[string]int
	underWay map[string]int
}

// NewBoard returns a board for the given files.
func NewBoard(picks []Pick) *Board {
	b := &Board{start: time.Now(), files: len(picks), settled: map[string]int{}, underWay: map[string]int{}}
	for _, p := range picks {
		b.bytes += p.Size
	}
	return b
}

func (b *Board) addStep(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.steps = append(b.steps, id)
}

func (b *Board) uploaded(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent += n
}

// moved counts what changed between two states of a job.
func (b *Board) moved(was, is events.Job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range is.Steps {
		before := was.Steps[id].State
		if before == s.State {
			continue
		}
		if before == events.StepQueued {
			b.underWay[id]--
		}
		switch s.State {
		case events.StepQueued:
			b.underWay[id]++
		case events.StepRetrying:
			b.retries++
		case events.StepSucceeded, events.StepSkipped, events.StepFailed, events.StepCancelled:
			b.settled[id]++
		}
	}
}

func (b *Board) finished(i Item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.through++
	if i.Err != nil {
		b.failed++
	}
}

// Lines draws the board.
func (b *Board) Lines(width, frame int, paint term.Paint) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := len("decompress")
	for _, id := range b.steps {
		name = max(name, len(id))
	}
	bar := max(min(40, width-name-24), 8)
	row := func(id string, done, total int64, note string) string {
		mark := paint.Faint("·")
		switch {
		case total > 0 && done >= total:
			mark = paint.Good("✓")
		case done > 0 || note != "":
			mark = paint.Busy(term.Spinner(frame))
		}
		return fmt.Sprintf("  %s %-*s %s %s", mark, name, id, paint.Good(term.Bar(bar, done, total)), note)
	}
	lines := []string{row("upload", b.sent, b.bytes, term.Bytes(b.sent))}
	for _, id := range b.steps {
		note := fmt.Sprintf("%d/%d", b.settled[id], b.files)
		if n := b.underWay[id]; n > 0 {
			note += paint.Faint(fmt.Sprintf(" %d under way", n))
		}
		lines = append(lines, row(id, int64(b.settled[id]), int64(b.files), note))
	}
	foot := fmt.Sprintf("%d of %d files through, %s", b.through, b.files, term.Took(time.Since(b.start)))
	if b.retries > 0 {
		foot += fmt.Sprintf(", %d tried again", b.retries)
	}
	if b.failed > 0 {
		foot += ", " + paint.Bad(fmt.Sprintf("%d failed", b.failed))
	}
	return append(lines, "  "+foot)
}
