package flow

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/millrace/millrace/events"
)

// Plan is a compiled, immutable version of a pipeline. Package pipeline makes
// it; nothing changes it afterwards, so one value serves all jobs at once.
type Plan struct {
	// Name and Digest are what a job's [events.PipelineRef] must say.
	Name, Digest string
	// Steps are in topological order: a step comes after all that it needs.
	// Their IDs differ.
	Steps []Step
	// Deadline is how long the job may take, from its acceptance to the end of its
	// last step. Then it is taken back. Zero means as long as it likes.
	Deadline time.Duration
	// Outputs say what a job leaves behind. None means every leaf step's files
	// under the step's ID.
	Outputs []Output
}

// Step is a place in a pipeline.
type Step struct {
	// ID names the step within its pipeline. Stage is the name and version of
	// the stage that does the work: "compress@1".
	ID, Stage string
	// Needs are the IDs of the steps whose files are the inputs, in that order.
	// A step without needs is one of the first.
	Needs []string
	// When decides whether the step runs. Nil means always.
	When Condition
	// With makes the configuration. Nil means none.
	With Template
	// Timeout bounds one attempt. Zero means the stage's default.
	Timeout time.Duration
	// StallLimit is how long an attempt may get no further, and QueueLimit how
	// long it may wait for a worker. Both are for the worker to keep. TotalLimit
	// is how long the step may take with all its attempts and waits, from the
	// first time that it was due; it holds while a person is asked or has the job
	// paused, too. Zero means as long as it likes.
	StallLimit, QueueLimit, TotalLimit time.Duration
	// Checkpoint is how many bytes of work may have to be done again after a
	// crash. Zero means the worker's own.
	Checkpoint int64
	// Retry is the policy for failed attempts, and apart from that for failed
	// undos. Its zero fields mean those of [DefaultRetry].
	Retry Retry
	// Attention is how long a person has to decide about the step, or its undo, and
	// what is done when nobody has. Its zero fields mean those of
	// [DefaultAttention].
	Attention Attention
	// Critical is true when the job cannot go on without the step's result.
	Critical bool
	// Compensable is true when the stage has an undo.
	Compensable bool
	// Irreversible is true when what the step does cannot be taken back.
	Irreversible bool
	// Fetches is true when the stage reads the job's sources.
	Fetches bool
}

// Output is a named list of files that a job leaves behind.
type Output struct {
	Name  string
	Value FilesExpr
}

// Condition is a compiled yes-or-no expression. It is pure: the same facts
// always give the same answer. It may be used by several goroutines at once.
type Condition interface {
	Eval(Facts) (bool, error)
}

// Template is a compiled configuration. It is pure, and it is resolved anew for
// every attempt and every undo. It may be used by several goroutines at once.
type Template interface {
	Resolve(Facts) (json.RawMessage, error)
}

// FilesExpr is a compiled expression that gives files. It is pure, and it may be
// used by several goroutines at once.
type FilesExpr interface {
	Files(Facts) ([]events.File, error)
}

// Facts are what an expression may read. They are lent for the call: an
// expression keeps and changes nothing of them.
//
// So that an expression gives the same answer whenever it is evaluated, it reads
// of the job only what never changes (ID, tenant, pipeline, key, files, params,
// labels) and, of the steps, only those that its own step needs, directly or
// through others: they are settled before it is evaluated. The expression of an
// output may read all steps.
type Facts struct {
	Job *events.Job
	// Step is the ID of the step that the expression belongs to, empty for an output.
	Step string
	// Files are the step's inputs, nil for an output.
	Files []events.File
}

// find returns the step with that ID, or nil.
func (p *Plan) find(id string) *Step {
	if i := p.place(id); i >= 0 {
		return &p.Steps[i]
	}
	return nil
}

// place returns where in the plan the step with that ID stands, or -1.
func (p *Plan) place(id string) int {
	return slices.IndexFunc(p.Steps, func(s Step) bool { return s.ID == id })
}
