package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
)

// figures are what a run has shown.
type figures struct {
	options
	took time.Duration
	// failedStarts counts processes that gave up at their start, without a broker.
	failedStarts int

	mu       sync.Mutex
	accepted int
	trouble  map[string]int // by kind

	ends                                       map[events.JobState]int
	records, attempts, retries, resumed, undos int
	unknown, settledDone, settledNotDone       int
	retriedByPerson                            map[string]int
	effects, takenBack, published              int
	// unlike counts effects that are not as the job says, of which it had said that
	// nobody can tell.
	unlike     map[string]int
	violations []string
}

func (f *figures) accept() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.accepted++
}

// happened counts an act that is over.
func (f *figures) happened(a act) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.trouble == nil {
		f.trouble = make(map[string]int)
	}
	what := string(a.fault.Kind)
	if a.kill {
		what = "kill -9"
	}
	f.trouble[what]++
}

func (f *figures) violate(format string, args ...any) {
	f.violations = append(f.violations, fmt.Sprintf(format, args...))
}

// print writes the figures.
func (f *figures) print(w io.Writer) {
	sum := 0
	for _, n := range f.ends {
		sum += n
	}
	if sum != f.accepted {
		f.violate("%d jobs were accepted, and the final states add up to %d", f.accepted, sum)
	}
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-28s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w)
	row("accepted", "%d", f.accepted)
	row("final states", "%d: %s", sum, counts(f.ends))
	row("what went wrong", "%s", counts(f.trouble))
	row("processes that gave up", "%d, at their start; they were started again", f.failedStarts)
	row("records", "%d, all of which replay", f.records)
	row("attempts", "%d, of which %d were retries, and %d went on at a checkpoint", f.attempts, f.retries, f.resumed)
	row("undos", "%d", f.undos)
	row("published and there", "%d", f.published)
	row("calls made, taken back", "%d, %d", f.effects, f.takenBack)
	row("effects said to be unknown", "%d; a person found %d done and %d not", f.unknown, f.settledDone, f.settledNotDone)
	row("other attention, retried", "%s", counts(f.retriedByPerson))
	row("unlike the job, but said so", "%s", counts(f.unlike))
	row("time", "%v, %.1f jobs/s", f.took.Round(100*time.Millisecond), float64(f.accepted)/f.took.Seconds())
	row("violations", "%d", len(f.violations))
	for _, v := range f.violations[:min(20, len(f.violations))] {
		fmt.Fprintln(w, "    "+v)
	}
	if len(f.violations) == 0 {
		fmt.Fprintln(w, "\nevery promise was kept")
	}
}

// counts writes a table of counts in one line.
func counts[K ~string](m map[K]int) string {
	text := ""
	for _, k := range slices.Sorted(maps.Keys(m)) {
		text += fmt.Sprintf("%d %s, ", m[k], k)
	}
	if text == "" {
		return "none"
	}
	return text[:len(text)-2]
}
