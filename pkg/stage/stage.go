// Package stage is the contract between Millrace and a unit of file processing.
//
// To add a stage, implement [Stage], test it with package stagetest, and list it
// where the program lists its stages. A stage whose effects outlive the job also
// implements [Compensator].
//
// A stage never sees a message, a subject or an acknowledgement.
package stage

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/checkpoint"
)

// Stage turns input files into output files. One value serves all jobs, so its
// methods are safe for concurrent use.
type Stage interface {
	// Spec describes the stage. It returns the same value every time.
	Spec() Spec

	// Run does the work of one attempt.
	//
	// The same task can arrive again: after a crash, a lost acknowledgement or
	// a person's retry. Run then produces the same outputs.
	//
	// ctx ends when the attempt runs out of time, when the job is cancelled or
	// when the worker drains; [context.Cause] tells which, as a fault. Run
	// returns within the grace period, 3 seconds unless configured. A Run that
	// does not return keeps its slot until the process ends.
	//
	// The class of the returned error decides what happens next; see package
	// fault. A panic is a fault with code stage.panic.
	Run(ctx context.Context, t *Task) (Result, error)
}

// Compensator is implemented by stages whose effects outlive the job, such as a
// published file.
type Compensator interface {
	// Compensate takes back the effects of one completed Run, whose result it
	// is given. It is called in reverse order of completion, at least once, and
	// possibly after an earlier call has already undone everything, which is
	// success.
	Compensate(ctx context.Context, t *Task, done Result) error
}

// Spec is what there is to know about a stage without running it.
type Spec struct {
	// Name is the name of the stage, of its consumer and of its folder.
	Name string `json:"name"`
	// Version is the major version that pipelines refer to: 1 in "compress@1".
	Version int `json:"version"`
	// Logic changes whenever the same input may give other output. It is
	// recorded with every result.
	Logic string `json:"logic"`
	// Summary is one sentence. Guarantee says what a user sees when an attempt
	// is repeated or dies halfway.
	Summary   string `json:"summary"`
	Guarantee string `json:"guarantee"`
	// Inputs and Outputs say in a sentence each what goes in and comes out;
	// Findings lists the keys of the findings with their meaning.
	Inputs   string            `json:"inputs"`
	Outputs  string            `json:"outputs"`
	Findings map[string]string `json:"findings,omitempty"`
	// Faults lists the codes that the stage returns.
	Faults []string `json:"faults,omitempty"`
	// Config is the JSON Schema of the step's configuration. Empty means that
	// the stage takes none.
	Config json.RawMessage `json:"config,omitempty"`
	// Timeout is the default for one attempt. Zero means 5 minutes.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Slots is how many attempts one process runs at once by default. Zero
	// means the number of processors.
	Slots int `json:"slots,omitempty"`
	// Needs names the dependencies that every task of the stage calls, its undos
	// too, as package breaker knows them: "s3:backup:s3.example.org". While the
	// circuit of one is open, a worker takes no tasks of the stage, and while it
	// is probed a few. A dependency that some tasks do without is not listed, or
	// it would keep them waiting as well.
	Needs []string `json:"needs,omitempty"`
	// UndoKey names the setting by which a step declares its undo, of a stage that
	// is a [Compensator] only for steps that do. Empty means that every step of a
	// Compensator has an undo.
	UndoKey string `json:"undo_key,omitempty"`
	// Scratch asks for a folder per attempt; without it Task.Scratch is empty.
	Scratch bool `json:"scratch,omitempty"`
	// WritesLittle says that an attempt writes no content to the disks of this
	// machine: no files but lists of a few lines for each input, and no scratch. A
	// worker whose disks have little room goes on with such a stage, while the others
	// rest. What is sent elsewhere does not count.
	WritesLittle bool `json:"writes_little,omitempty"`
}

// Task is one attempt at one step of one job. It is used by one goroutine.
type Task struct {
	Job, Tenant, Pipeline, Step string
	// Attempt counts the tries of this step in this job from 1.
	Attempt int
	// Deadline is when the attempt is given up.
	Deadline time.Time
	// Files are the inputs, in the order in which the pipeline names them.
	Files []events.File
	// Sources are the job's files as submitted; only for steps that need no other.
	Sources []events.Source
	// RawConfig is the step's configuration; use [Task.Config].
	RawConfig json.RawMessage
	// Store holds the bytes of Files and takes new ones.
	Store *artifact.Store
	// Checkpoints are the step's; use [Task.Resume] and [Task.Effect]. Nil means
	// that nothing is kept.
	Checkpoints *checkpoint.Chain
	// Scratch is an empty folder that is removed after the attempt, for stages
	// whose [Spec] asks for one.
	Scratch string
	// Log has the job, step and attempt as attributes.
	Log *slog.Logger
	// Report receives progress; use [Task.Progress]. It may be nil.
	Report func(done, total int64, unit string)
}

// Result is what a completed attempt hands on.
type Result struct {
	// Files are for the next steps, in a stable order, at most 1000.
	Files []events.File
	// Findings are small facts for routing and audit, such as a media type.
	// At most 64, of at most 1 KiB each.
	Findings map[string]string
}

// Progress says how far the attempt is, in units of bytes unless unit says
// otherwise; total is 0 while it is unknown. It may be called as often as the
// stage likes: what is sent is thinned out. It never blocks.
func (t *Task) Progress(done, total int64, unit string) {
	if t.Report != nil {
		t.Report(done, total, unit)
	}
}
