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
	dir   string // of this run: in, out, work, tmp

	budget  *budget
	printed tail // the end of stdout, unless that is the output
	errors  tail // the end of stderr
}

// do runs the program and returns what it made.
func (r *run) do(ctx context.Context) ([]events.File, error) {
	defer removeAll(r.dir)
	for _, sub := range []string{"in", "out", "work", "tmp"} {
		if err := os.MkdirAll(filepath.Join(r.dir, sub), 0o700); err != nil {
			return nil, scratchFault(err)
		}
	}
	inputs, err := r.layOut(ctx)
	if err != nil {
		return nil, err
	}
	name := artifact.CleanName(expand(r.cfg.Output, r.names()))
	out := filepath.Join(r.dir, "out", name)
	args, err := r.arguments(inputs, out)
	if err != nil {
		return nil, err
	}
	r.budget = newBudget(int64(r.cfg.MaxOutput))
	if !r.cfg.uses("{{out}}") && !r.cfg.uses("{{outdir}}") && !r.cfg.Pass {
		return r.capture(ctx, args, name)
	}
	if err := r.execute(ctx, args, &r.printed); err != nil {
		return nil, err
	}
	if r.cfg.Pass {
		return nil, nil
	}
	return r.collect(ctx, name)
}

// layOut writes the inputs to files when the program reads files, and returns
// their paths.
func (r *run) layOut(ctx context.Context) ([]string, error) {
	if !r.cfg.uses("{{in}}") {
		return nil, nil
	}
	var paths []string
	for i, f := range r.files {
		if err := artifact.CheckName(f.Name); err != nil {
			return nil, err
		}
		dir := filepath.Join(r.dir, "in", strconv.Itoa(i))
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
// is given their paths.
func (r *run) stdin(ctx context.Context) (io.Reader, func()) {
	if r.cfg.uses("{{in}}") {
		return nil, func() {}
	}
	row := &inARow{ctx: ctx, store: r.task.Store, files: r.files}
	return r.meter.Reader(ctx, row), row.close
}

// arguments fills in the placeholders. A name is filled in once, so that what
// looks like a placeholder in it stays as it is.
func (r *run) arguments(inputs []string, out string) ([]string, error) {
	values := r.names()
	values["{{out}}"], values["{{outdir}}"] = out, filepath.Dir(out)
	if len(inputs) > 0 {
		values["{{in}}"] = inputs[0]
	}
	var args []string
	for _, arg := range r.cfg.Run[1:] {
		if arg == "{{in}}" {
			args = append(args, inputs...)
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
