package command

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// run is one run of the program.
type run struct {
	task  *stage.Task
	cfg   config
	path  string // of the program
	files []events.File
	grace time.Duration
	meter *stage.Meter
	name  string // in the ledger
	dir   string // of this run: in, made, out, work, tmp

	// Of a run that is taken back: what it has made, and what the undo reads.
	undo  bool
	made  []events.File
	known io.Reader

	started bool
	budget  *budget
	printed tail // the end of stdout, unless that is the output
	errors  tail // the end of stderr
}

// do runs the program and returns what it made.
func (r *run) do(ctx context.Context) (made, error) {
	defer removeAll(r.dir)
	for _, sub := range []string{"in", "made", "out", "work", "tmp"} {
		if err := os.MkdirAll(filepath.Join(r.dir, sub), 0o700); err != nil {
			return made{}, scratchFault(err)
		}
	}
	name := artifact.CleanName(expand(r.cfg.Output, r.names()))
	args, err := r.arguments(ctx, filepath.Join(r.dir, "out", name))
	if err != nil {
		return made{}, err
	}
	r.budget = newBudget(int64(r.cfg.MaxOutput))
	if !r.cfg.uses("{{out}}") && !r.cfg.uses("{{outdir}}") && !r.cfg.Pass {
		files, err := r.capture(ctx, args, name)
		return made{Files: files}, err
	}
	if err := r.execute(ctx, args, &r.printed); err != nil {
		return made{}, err
	}
	if r.cfg.Pass {
		return made{Stdout: r.printed.last(stage.MaxFinding)}, nil
	}
	files, err := r.collect(ctx, name)
	return made{Files: files}, err
}

// layOut writes files to the folder of the run when the program reads them there,
// and returns their paths.
func (r *run) layOut(ctx context.Context, as string, files []events.File) ([]string, error) {
	if !r.cfg.uses("{{" + as + "}}") {
		return nil, nil
	}
	var paths []string
	for i, f := range files {
		if err := artifact.CheckName(f.Name); err != nil {
			return nil, err
		}
		dir := filepath.Join(r.dir, as, strconv.Itoa(i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, scratchFault(err)
		}
		path := filepath.Join(dir, f.Name)
		if err := r.writeInput(ctx, f, path); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

func (r *run) writeInput(ctx context.Context, f events.File, path string) error {
	content, err := r.task.Store.Open(ctx, f.Digest)
	if err != nil {
		return err
	}
	defer content.Close()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return scratchFault(err)
	}
	sink := &sink{w: file}
	_, err = content.WriteTo(r.meter.Writer(ctx, sink))
	if closed := file.Close(); err == nil && closed != nil {
		return scratchFault(closed)
	}
	if sink.err != nil {
		return scratchFault(sink.err)
	}
	return err
}

// stdin returns what the program reads on stdin: the files in a row, unless it
// is given their paths, and of an undo what is known of the run.
func (r *run) stdin(ctx context.Context) (io.Reader, func()) {
	switch {
	case r.undo:
		return r.known, func() {}
	case r.cfg.uses("{{in}}"):
		return nil, func() {}
	}
	row := &inARow{ctx: ctx, store: r.task.Store, files: r.files}
	return r.meter.Reader(ctx, row), row.close
}

// arguments lays out the files and fills in the placeholders. A name is filled in once, so that what
// looks like a placeholder in it stays as it is.
func (r *run) arguments(ctx context.Context, out string) ([]string, error) {
	inputs, err := r.layOut(ctx, "in", r.files)
	if err != nil {
		return nil, err
	}
	results, err := r.layOut(ctx, "made", r.made)
	if err != nil {
		return nil, err
	}
	values := r.names()
	values["{{out}}"], values["{{outdir}}"] = out, filepath.Dir(out)
	if len(inputs) > 0 {
		values["{{in}}"] = inputs[0]
	}
	var args []string
	for _, arg := range r.cfg.Run[1:] {
		switch arg {
		case "{{in}}":
			args = append(args, inputs...)
			continue
		case "{{made}}":
			args = append(args, results...)
			continue
		}
		full := expand(arg, values)
		if strings.HasPrefix(full, "-") && !strings.HasPrefix(arg, "-") {
			return nil, fault.New(fault.SubmitBadName,
				"the program would take the name for an option: "+fault.Clip(full, 64), nil)
		}
		args = append(args, full)
	}
	return args, nil
}

// names returns what stands for the name of the first file.
func (r *run) names() map[string]string {
	name := r.files[0].Name
	ext := filepath.Ext(name)
	if ext == name {
		ext = ""
	}
	return map[string]string{
		"{{name}}": name, "{{stem}}": strings.TrimSuffix(name, ext), "{{ext}}": ext,
	}
}

func expand(text string, values map[string]string) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string { return values[p] })
}
