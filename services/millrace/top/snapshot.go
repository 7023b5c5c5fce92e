// Package top shows a whole mill on a terminal: its jobs by state, what waits for each
// stage, what fails, which dependencies are down, and what people are asked.
package top

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/services/millrace/jobscreen"
)

// Server is what is asked of a server; [client.Client] has it.
type Server interface {
	jobscreen.Server
	Counts(ctx context.Context, pipeline string) (*api.Counts, error)
	Throughput(ctx context.Context, q api.StatsQuery) (*api.Throughput, error)
	Failures(ctx context.Context, q api.StatsQuery) (*api.Failures, error)
	Consumers(ctx context.Context) ([]api.Consumer, error)
	Breakers(ctx context.Context) ([]events.Breaker, error)
	Decisions(ctx context.Context, q api.DecisionQuery) (*api.DecisionPage, error)
	DeadLetters(ctx context.Context, q api.DeadLetterQuery) (*api.DeadLetterPage, error)
	List(ctx context.Context, q api.JobQuery) (*api.JobPage, error)
}

// Query says what to look at. The zero value is all jobs, newest first.
type Query struct {
	// Pipeline is the one whose jobs count. Empty means all.
	Pipeline string
	// Sort is the order of the jobs, and Open leaves out those that are final.
	Sort api.JobSort
	Open bool
}

// Snapshot is a mill at one time. What could not be had is nil, and named in Missing.
type Snapshot struct {
	At       time.Time `json:"at"`
	Pipeline string    `json:"pipeline,omitempty"`
	// Jobs is how many there are, and Hour what happened since the hour began.
	Jobs *api.Counts `json:"jobs,omitempty"`
	Hour *api.Flow   `json:"hour,omitempty"`
	// Oldest is the job that has gone on for longest. Nil when none goes on.
	Oldest    *api.JobItem     `json:"oldest,omitempty"`
	Consumers []api.Consumer   `json:"consumers,omitempty"`
	Breakers  []events.Breaker `json:"breakers,omitempty"`
	// Failures are those of the last day, the most frequent first.
	Failures []api.Failure `json:"failures,omitempty"`
	// Decisions are the open ones, and DeadLetters those that are not settled; as many
	// as there are on one page.
	Decisions   []api.Decision   `json:"decisions,omitempty"`
	DeadLetters []api.DeadLetter `json:"dead_letters,omitempty"`
	// List are the first jobs, in the order that was asked for.
	List []api.JobItem `json:"list,omitempty"`
	// Missing says why something is missing, by what it is: the code of the fault.
	Missing map[string]string `json:"missing,omitempty"`
}

// page is how many of a kind are asked for.
const page = 200

// Take asks a server for all there is to see. What it refuses, for example to a key
// that may not see the whole mill, is missing; the error is that of a server that
// gives nothing at all.
func Take(ctx context.Context, c Server, q Query, now time.Time) (*Snapshot, error) {
	s := &Snapshot{At: now.UTC(), Pipeline: q.Pipeline}
	t := taking{missing: make(map[string]string)}
	stats := api.StatsQuery{Pipeline: q.Pipeline}
	hour := api.StatsQuery{Pipeline: q.Pipeline, Since: now, Until: now}
	t.ask("jobs", func() (err error) { s.Jobs, err = c.Counts(ctx, q.Pipeline); return err })
	t.ask("hour", func() error {
		flow, err := c.Throughput(ctx, hour)
		if err == nil && len(flow.Spans) > 0 {
			s.Hour = &flow.Spans[len(flow.Spans)-1]
		}
		return err
	})
	t.ask("failures", func() error {
		f, err := c.Failures(ctx, stats)
		if err == nil {
			s.Failures = f.Failures
		}
		return err
	})
	t.ask("consumers", func() (err error) { s.Consumers, err = c.Consumers(ctx); return err })
	t.ask("breakers", func() (err error) { s.Breakers, err = c.Breakers(ctx); return err })
	t.ask("decisions", func() error {
		p, err := c.Decisions(ctx, api.DecisionQuery{Pipeline: q.Pipeline, Limit: page})
		if err == nil {
			s.Decisions = p.Decisions
		}
		return err
	})
	t.ask("dead_letters", func() error {
		p, err := c.DeadLetters(ctx, openLetters())
		if err == nil {
			s.DeadLetters = p.DeadLetters
		}
		return err
	})
	t.ask("list", func() (err error) { s.List, s.Oldest, err = listed(ctx, c, q); return err })
	return s, t.settle(s)
}

// listed returns the first jobs, and the one that has gone on for longest.
func listed(ctx context.Context, c Server, q Query) ([]api.JobItem, *api.JobItem, error) {
	query := api.JobQuery{Pipeline: q.Pipeline, Sort: q.Sort, Limit: page}
	if q.Open {
		query.States = open()
	}
	p, err := c.List(ctx, query)
	if err != nil {
		return nil, nil, err
	}
	old, err := c.List(ctx, api.JobQuery{Pipeline: q.Pipeline, Sort: api.SortOldest, States: open(), Limit: 1})
	if err != nil || len(old.Jobs) == 0 {
		return p.Jobs, nil, err
	}
	return p.Jobs, &old.Jobs[0], nil
}

// taking asks for several things at a time.
type taking struct {
	group   sync.WaitGroup
	mu      sync.Mutex
	asked   int
	missing map[string]string
	last    error
}

func (t *taking) ask(what string, do func() error) {
	t.asked++
	t.group.Go(func() {
		err := do()
		if err == nil {
			return
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.missing[what] = string(fault.From(err).Code)
		if t.last == nil || !errors.Is(err, context.Canceled) {
			t.last = err
		}
	})
}

// settle waits for all answers.
func (t *taking) settle(s *Snapshot) error {
	t.group.Wait()
	if len(t.missing) == t.asked {
		return t.last
	}
	if len(t.missing) > 0 {
		s.Missing = t.missing
	}
	return nil
}
