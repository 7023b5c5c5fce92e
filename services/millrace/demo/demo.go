package demo

import (
	"context"
	_ "embed"
	"sync"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
)

// pipelineSource is the pipeline of the demo.
//
//go:embed demo.yaml
var pipelineSource []byte

// pipelineName is its name, and hiccupStep the step of it that fails when told to.
const (
	pipelineName = "demo"
	hiccupStep   = "hiccup"
)

const (
	// workers is how many files are on their way at once.
	workers = 8
	// hiccupEvery says which share of the jobs gets a step that fails once.
	hiccupEvery = 8
)

// Config says what the demo works with.
type Config struct {
	Client *client.Client
	Picks  []Pick
	// Results is the folder that the mill publishes into.
	Results string
	// Board is told what happens, for a picture. It may be nil.
	Board *Board
	// Done is called for every file that is through, in the order they end, by
	// one goroutine at a time. It may be nil.
	Done func(Item)
}

// Item is what became of one file.
type Item struct {
	Pick
	// Digest is that of the original, read by the demo itself.
	Digest string
	Job    string
	State  events.JobState
	Took   time.Duration
	// Hiccups counts the attempts that were told to fail, Retries all others that
	// failed and were made again.
	Hiccups, Retries int
	// Published is the path of the result, and PublishedSize its size in bytes.
	Published     string
	PublishedSize int64
	// Err is why the job did not complete; Problems are checks that failed.
	Err      error
	Problems []string
}

// Run applies the demo's pipeline, puts every file through it, and checks every
// result against its original. Err of an item is not an error of Run; an ended
// context is.
func Run(ctx context.Context, c Config) (*Report, error) {
	if c.Board == nil {
		c.Board = NewBoard(c.Picks)
	}
	if _, err := c.Client.ApplyPipeline(ctx, pipelineName, pipelineSource); err != nil {
		return nil, err
	}
	pipe, err := c.Client.Pipeline(ctx, pipelineName, "")
	if err != nil {
		return nil, err
	}
	for _, s := range pipe.Steps {
		c.Board.addStep(s.ID)
	}
	start := time.Now()
	items := process(ctx, c)
	took := time.Since(start)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return check(ctx, c, items, took), nil
}

// process puts the files through, several at once, and returns when all are.
func process(ctx context.Context, c Config) []Item {
	items := make([]Item, len(c.Picks))
	next := make(chan int)
	var wg sync.WaitGroup
	var told sync.Mutex
	for range min(workers, len(items)) {
		wg.Go(func() {
			for i := range next {
				items[i] = one(ctx, c, c.Picks[i], i%hiccupEvery == 0)
				if c.Done != nil && ctx.Err() == nil {
					told.Lock()
					c.Done(items[i])
					told.Unlock()
				}
			}
		})
	}
	for i := range items {
		select {
		case next <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	wg.Wait()
	return items
}
