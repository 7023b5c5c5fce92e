// Command views proves that the list of jobs stays quick when there are many: it fills
// a view with jobs, and asks it everything that a list can be asked, again and again.
//
//	go run ./deploy/proof/views [-jobs 1000000] [-rounds 200] [-views postgres://…]
//
// It prints for each question the median and the 99th percentile, beside those of the
// simplest question there is, reading one row by its key, from the same rounds. It
// fails when a 99th percentile is above the limit.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/jobview"
)

func main() {
	jobs := flag.Int("jobs", 1_000_000, "how many jobs the view holds")
	rounds := flag.Int("rounds", 200, "how often each question is asked")
	place := flag.String("views", "", "where the view is kept (default: a temporary folder, for SQLite)")
	limit := flag.Duration("limit", 50*time.Millisecond, "the 99th percentile that is allowed")
	flag.Parse()
	if err := prove(context.Background(), *place, *jobs, *rounds, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "views:", err)
		os.Exit(1)
	}
}

func prove(ctx context.Context, place string, jobs, rounds int, limit time.Duration) (err error) {
	if place == "" {
		if place, err = os.MkdirTemp("", "millrace-proof-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(place)) }()
	}
	store, err := jobview.Open(place)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := store.Create(ctx, 1, "proof"); err != nil {
		return err
	}
	v, err := store.Open(ctx, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close(), store.Drop(ctx, 1)) }()
	if err := fill(ctx, v, jobs); err != nil {
		return err
	}
	return ask(ctx, v, questions(jobs), rounds, limit)
}

// fill folds the log of so many jobs into the view.
func fill(ctx context.Context, v *jobview.View, jobs int) error {
	begin := time.Now()
	at, records := uint64(0), 0
	for first := 0; first < jobs; first += perBatch {
		batch := story(first, min(first+perBatch, jobs), at)
		to := batch[len(batch)-1].Sequence
		step := jobview.Step{From: at, To: to, Stored: batch[len(batch)-1].Record.Time}
		if err := v.Apply(ctx, step, batch); err != nil {
			return err
		}
		at, records = to, records+len(batch)
	}
	took := time.Since(begin)
	fmt.Printf("%d jobs, %d records, folded in %s: %.0f records a second\n\n",
		jobs, records, took.Round(time.Millisecond), float64(records)/took.Seconds())
	return nil
}

// times are how long one question took.
type times []time.Duration

func (t times) at(share float64) time.Duration {
	slices.Sort(t)
	return t[min(int(share*float64(len(t))), len(t)-1)].Round(10 * time.Microsecond)
}

// ask asks all questions in turn, so that all meet the same machine.
func ask(ctx context.Context, v *jobview.View, list []question, rounds int, limit time.Duration) error {
	taken := make([]times, len(list))
	found := make([]int, len(list))
	var baseline times
	for round := -1; round < rounds; round++ { // the first one warms up
		begin := time.Now()
		if _, _, err := v.Position(ctx); err != nil {
			return err
		}
		baseline = append(baseline, time.Since(begin))
		for i, q := range list {
			begin := time.Now()
			n, err := q.ask(ctx, v)
			if err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			taken[i], found[i] = append(taken[i], time.Since(begin)), n
		}
		if round < 0 {
			clear(taken)
			baseline = nil
		}
	}
	fmt.Printf("%-42s %7s %10s %10s %10s\n", "question", "found", "p50", "p99", "p99/key")
	fmt.Printf("%-42s %7d %10s %10s %10.1f\n", "one row by its key", 1, baseline.at(0.5), baseline.at(0.99), 1.0)
	var slow []string
	for i, q := range list {
		p99 := taken[i].at(0.99)
		fmt.Printf("%-42s %7d %10s %10s %10.1f\n", q.name, found[i], taken[i].at(0.5), p99,
			float64(p99)/float64(max(baseline.at(0.99), time.Microsecond)))
		if p99 > limit {
			slow = append(slow, q.name)
		}
	}
	if len(slow) > 0 {
		return fmt.Errorf("above %s: %q", limit, slow)
	}
	fmt.Printf("\nall below %s\n", limit)
	return nil
}

// question is something that a view is asked; the answer counts what was found.
type question struct {
	name string
	ask  func(context.Context, *jobview.View) (int, error)
}

// list asks for a page of jobs.
func list(name string, q api.JobQuery) question {
	return question{name, func(ctx context.Context, v *jobview.View) (int, error) {
		page, err := v.List(ctx, tenant, q)
		return len(page.Jobs), err
	}}
}

// deep asks for the page after many.
func deep(name string, q api.JobQuery, pages int) question {
	var cursor string
	return question{name, func(ctx context.Context, v *jobview.View) (int, error) {
		if cursor == "" {
			walk := q
			walk.Limit = api.MaxLimit
			for range pages {
				page, err := v.List(ctx, tenant, walk)
				if err != nil {
					return 0, err
				}
				cursor, walk.Cursor = page.NextCursor, page.NextCursor
			}
		}
		q.Cursor = cursor
		page, err := v.List(ctx, tenant, q)
		return len(page.Jobs), err
	}}
}
