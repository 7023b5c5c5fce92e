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

type commander struct {
	allow []program
	grace time.Duration
	spec  stage.Spec
}

func (c *commander) Spec() stage.Spec { return c.spec }

// Run runs the program once for each file, or once for all of them.
func (c *commander) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	cfg := config{Mode: modeEach, Output: "{{name}}", MaxOutput: 1 << 30}
	if err := t.Config(&cfg); err != nil {
		return stage.Result{}, err
	}
	path, err := c.find(cfg.Run[0])
	if err != nil {
		return stage.Result{}, err
	}
	if t.Scratch == "" {
		return stage.Result{}, fault.New(fault.InternalBug, "command has no scratch folder", nil)
	}
	return c.runAll(ctx, t, cfg, path, files)
}

func (c *commander) runAll(
	ctx context.Context, t *stage.Task, cfg config, path string, files []events.File,
) (stage.Result, error) {
	groups := slices.Collect(slices.Chunk(files, 1))
	if cfg.Mode == modeAll {
		groups = [][]events.File{files}
	}
	meter := t.Meter(stage.Size(files))
	res := stage.Result{Findings: map[string]string{"commands": strconv.Itoa(len(groups))}}
	for i, group := range groups {
		r := &run{
			task: t, cfg: cfg, path: path, files: group, grace: c.grace, meter: meter,
			dir: filepath.Join(t.Scratch, strconv.Itoa(i)),
		}
		made, err := r.do(ctx)
		if err != nil {
			return stage.Result{}, err
		}
		res.Files = append(res.Files, made...)
		if len(res.Files) > stage.MaxFiles {
			return stage.Result{}, fault.New(fault.CommandTooMuchOutput,
				fmt.Sprintf("more than %d files", stage.MaxFiles), nil)
		}
		if cfg.Pass {
			res.Findings["stdout"] = r.printed.last(stage.MaxFinding)
		}
	}
	if cfg.Pass {
		res.Files = files
	}
	return res, nil
}
