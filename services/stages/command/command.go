// Package command is the stage that runs a program of the machine on files.
//
// The operator says which programs may be run; none may unless listed. A program
// is started directly, without a shell, with a minimal environment, in a folder
// of its own that is removed afterwards, and in a process group of its own that
// is killed when the program ends, takes too long, prints too much, or is no
// longer wanted. A process that leaves the group (setsid) is not found again.
//
// Where a program reads and writes follows from its arguments:
//
//	{{in}}              the path of the input file; without it the file is on stdin
//	{{out}}             the path where the output belongs; without it, and without
//	                    {{outdir}}, the output is what comes on stdout
//	{{outdir}}          a folder whose files are the outputs, in the order of their names
//	{{name}}            the name of the input file; {{stem}} and {{ext}} are its parts
//
// Exit status 0 is success, 75 (EX_TEMPFAIL) asks to be tried later, and
// everything else is a failure that the file is blamed for.
//
// MILLRACE_KEY is the same in every attempt at a run, and in its undo.
//
// # Undo
//
// A step that declares an undo names a program that takes a run back. It is run for
// every run that has begun, the last one first, whether that has ended well, has
// failed, or was cut off in the middle, and it gets
//
//	{{in}}       the paths of the inputs of the run
//	{{made}}     the paths of what it has made, as far as that is known: an argument each
//	stdin        JSON: key, job, step, ended, files, made, and, with pass, stdout
//	MILLRACE_UNDO=1
//
// Status 0 says that nothing of the run is left. The program may be run again after
// it has said so, and before, so it takes what is not there for taken back. One that
// fails is tried again as the step's policy says, and is then for a person.
//
// The ledger of the step has the runs that have begun: see [stage.Task.Repeat]. No
// attempt begins another one once the step is being taken back. A run that is on its
// way at a worker which nobody reaches is killed when that worker notices; an undo
// that comes sooner runs beside it.
//
//	killed                       | found     | the next attempt | the undo
//	-----------------------------|-----------|------------------|----------------
//	before the run is noted      | nothing   | runs             | leaves it alone
//	while the program runs       | a run that| runs it again    | takes it back
//	                             | has begun |                  |
//	after its end is noted       | its files | uses them        | takes it back
package command

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Options configures the stage.
type Options struct {
	// Allow lists the programs that may be run, as paths, or as names that are
	// looked up in PATH. Empty means none. A step names a program as it is
	// listed here, or by the last part of the path.
	Allow []string
	// KillGrace is how long a program may take to end after SIGTERM, before
	// SIGKILL. Zero means 1 second.
	KillGrace time.Duration
}

// New returns the stage command@1.
func New(o Options) stage.Stage {
	if o.KillGrace <= 0 {
		o.KillGrace = time.Second
	}
	return &commander{allow: allowed(o.Allow), grace: o.KillGrace, spec: spec()}
}

var _ stage.Compensator = (*commander)(nil)

type commander struct {
	allow []program
	grace time.Duration
	spec  stage.Spec
}

func (c *commander) Spec() stage.Spec { return c.spec }

// Run runs the program once for each file, or once for all of them.
func (c *commander) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	w, err := c.work(t)
	if err != nil {
		return stage.Result{}, err
	}
	groups := w.groups()
	meter := t.Meter(stage.Size(t.Files))
	res := stage.Result{Findings: map[string]string{"commands": strconv.Itoa(len(groups))}}
	for i, group := range groups {
		r := w.run(i, group)
		r.meter = meter
		made, err := r.once(ctx)
		if err != nil {
			return stage.Result{}, err
		}
		res.Files = append(res.Files, made.Files...)
		if len(res.Files) > stage.MaxFiles {
			return stage.Result{}, fault.New(fault.CommandTooMuchOutput,
				fmt.Sprintf("more than %d files", stage.MaxFiles), nil)
		}
		if w.cfg.Pass {
			res.Findings["stdout"] = made.Stdout
		}
	}
	if w.cfg.Pass {
		res.Files = t.Files
	}
	return res, nil
}

// work is one attempt, or one undo.
type work struct {
	*commander
	task *stage.Task
	cfg  config
	path string // of the program
	back string // of the one that takes it back
}

func (c *commander) work(t *stage.Task) (w *work, err error) {
	if _, err := t.Inputs(); err != nil {
		return nil, err
	}
	w = &work{commander: c, task: t, cfg: defaults()}
	if err := t.Config(&w.cfg); err != nil {
		return nil, err
	}
	if w.path, err = c.find(w.cfg.Run[0]); err != nil {
		return nil, err
	}
	if w.cfg.Undo != nil { // what could not be taken back is not begun
		if w.back, err = c.find(w.cfg.Undo.Run[0]); err != nil {
			return nil, err
		}
		if t.Checkpoints == nil {
			return nil, fault.New(fault.EffectRefused, "the task has no checkpoints", nil)
		}
	}
	if t.Scratch == "" {
		return nil, fault.New(fault.InternalBug, "command has no scratch folder", nil)
	}
	return w, nil
}

// groups are the files of each run.
func (w *work) groups() [][]events.File {
	if w.cfg.Mode == modeAll {
		return [][]events.File{w.task.Files}
	}
	return slices.Collect(slices.Chunk(w.task.Files, 1))
}

// run is run i, of the files of a group.
func (w *work) run(i int, group []events.File) *run {
	return &run{
		task: w.task, cfg: w.cfg, path: w.path, files: group, grace: w.grace,
		name: "run." + strconv.Itoa(i), dir: filepath.Join(w.task.Scratch, strconv.Itoa(i)),
	}
}
