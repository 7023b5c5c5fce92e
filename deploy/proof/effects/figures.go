package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
)

// options of a run.
type options struct {
	n, kill, workers int
	seed             uint64
	// log replaces the ledger of goroutines. Nil means one in memory.
	log checkpoint.Log
}

// prove makes the effects of a run and counts what came of them.
func prove(ctx context.Context, o options) (*figures, error) {
	dir, err := os.MkdirTemp("", "effects-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	h := &hall{service: newService(), stage: newStage(), memory: o.log, files: fileLog{dir}}
	defer h.service.Close()
	if h.memory == nil {
		h.memory = checkpoint.NewMemory()
	}
	f := &figures{options: o, began: time.Now(), modes: map[mode]*tally{}, points: map[point]*tally{}}
	todo := make(chan plan)
	var wg sync.WaitGroup
	for range max(o.workers, 1) {
		wg.Go(func() {
			for p := range todo {
				t := &trial{plan: p, hall: h}
				t.run(ctx)
				f.add(t)
			}
		})
	}
	for _, p := range plans(o) {
		todo <- p
	}
	close(todo)
	wg.Wait()
	f.took = time.Since(f.began)
	return f, ctx.Err()
}

// figures are what a run has shown.
type figures struct {
	options
	began time.Time
	took  time.Duration

	mu         sync.Mutex
	all        tally
	modes      map[mode]*tally
	points     map[point]*tally
	violations []string
}

// tally counts effects.
type tally struct {
	effects, real, zombies, attempts, requests int
	// once: committed without a person, made once. unknownMade and unknownNot: an
	// outcome said unknown, and it was made or was not.
	once, unknownMade, unknownNot int
	// settled: a person's word led to an effect that is made once.
	settled int
	// more: made more than once; said: some outcome had said that it is unknown.
	more, said int
	// lost: committed and never made; unsettled: neither, in the end.
	lost, unsettled int
	// overtaken and finished are what became of stalled workers, besides errors.
	overtaken, finished int
}

func (f *figures) add(t *trial) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range []*tally{&f.all, of(f.modes, t.Mode), of(f.points, t.Point)} {
		c.add(t)
	}
	if v := t.violation(); v != "" {
		f.violations = append(f.violations, fmt.Sprintf("%s: %s (made %d times, %d requests, %d attempts, ledger %s)",
			t.plan, v, t.final, t.requests, t.attempts, t.state))
	}
}

func of[K comparable](m map[K]*tally, k K) *tally {
	if m[k] == nil {
		m[k] = &tally{}
	}
	return m[k]
}

func (c *tally) add(t *trial) {
	one := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	c.effects++
	c.attempts += t.attempts
	c.requests += t.requests
	one(&c.real, t.Real)
	one(&c.zombies, t.Zombie)
	one(&c.once, t.word == "" && t.end.done() && t.made == 1)
	one(&c.unknownMade, t.word == events.SettleDone)
	one(&c.unknownNot, t.word == events.SettleNotDone)
	one(&c.settled, t.word != "" && t.end.done() && t.final == 1)
	one(&c.more, t.final > 1)
	one(&c.said, t.final > 1 && t.said())
	one(&c.lost, t.end.done() && t.final == 0)
	one(&c.unsettled, !t.end.done())
	one(&c.overtaken, t.zombie.Code == fault.CheckpointOvertaken)
	one(&c.finished, t.zombie.done() && t.zombie.Status != "")
}

// print writes the figures as tables.
func (f *figures) print(w io.Writer) {
	a := f.all
	fmt.Fprintf(w, "%d effects, seed %d, %d in processes of their own; %d crashes, %d stalls; %v\n\n",
		a.effects, f.seed, a.real, a.effects-a.zombies, a.zombies, f.took.Round(time.Millisecond))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "effects\tattempts\trequests\tcommitted, made once\tunknown, made\tunknown, not made\tthen settled by a person\tmade more than once\t\n"
	row := func(name string, c *tally) {
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, c.effects, c.attempts, c.requests,
			c.once, c.unknownMade, c.unknownNot, c.settled, c.more)
	}
	fmt.Fprint(tw, "after a crash\t"+head)
	for m := range modes {
		row(m.String(), of(f.modes, m))
	}
	fmt.Fprint(tw, "\t\t\t\t\t\t\t\t\t\n", "crash\t"+head)
	for p := range points {
		row(p.String(), of(f.points, p))
	}
	row("all", &a)
	_ = tw.Flush() // to w, whose errors nobody would see
	fmt.Fprintf(w, "\nstalled workers: %d, of which %d were overtaken and %d finished first\n", a.zombies, a.overtaken, a.finished)
	fmt.Fprintf(w, "made more than once: %d, of which %d had an outcome that said unknown\n", a.more, a.said)
	fmt.Fprintf(w, "committed and never made: %d\nnever settled: %d\n", a.lost, a.unsettled)
	fmt.Fprintf(w, "violations: %d\n", len(f.violations))
	for _, v := range f.violations[:min(20, len(f.violations))] {
		fmt.Fprintln(w, "  "+v)
	}
}
