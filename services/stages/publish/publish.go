// Package publish is the stage that puts files into a folder where others find
// them: each whole or not at all, each on disk before the step is done.
//
// # How a file gets there
//
// It is written under a hidden name in the same folder, synced, and then linked
// (overwrite: never) or renamed (overwrite: always) to its own name; the folder is
// synced last. Nobody ever sees half a file, whatever dies when.
//
// Hidden names start with ".millrace-" and a key made from tenant, job and step,
// so that a later attempt of the same step finds what an earlier one left and
// nothing else touches it. A file being written is locked; an attempt that was
// given up but still runs therefore cannot write into the file of its successor.
//
// The key is also kept in the extended attribute user.millrace.publish of every
// file published, which is how the undo tells its own file from one with equal
// content that somebody else put there. On a file system without such attributes
// equal content counts as its own.
//
// With overwrite: always the file that is replaced stays as a hidden file beside
// it, for the undo, until another job replaces the new one in turn.
//
// # What is found after a crash
//
//	killed after        | found                          | the next attempt
//	--------------------|--------------------------------|----------------------------------
//	some bytes written  | a hidden file                  | writes it again from the start
//	file synced         | a hidden file                  | the same
//	old file kept       | the old file under two names   | goes on
//	linked or renamed   | the file                       | compares the content: done
package publish

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// Options configures the stage.
type Options struct {
	// Dir is the folder below which files are published. It must exist. Empty
	// means that the stage refuses every task with publish.no_folder.
	Dir string
}

// New returns the stage publish@1. It has an undo.
func New(o Options) stage.Stage { return &publisher{dir: o.Dir, spec: spec()} }

type publisher struct {
	dir  string
	spec stage.Spec
}

var _ stage.Compensator = (*publisher)(nil)

func (p *publisher) Spec() stage.Spec { return p.spec }

// Run publishes the input files. When it fails, it takes back what attempts of
// this step had published.
func (p *publisher) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	c, err := p.configure(t)
	if err != nil {
		return stage.Result{}, err
	}
	items, err := itemsOf(files)
	if err != nil {
		return stage.Result{}, err
	}
	f, err := enter(p.dir, c.Dir)
	if err != nil {
		return stage.Result{}, err
	}
	defer f.close()
	b := newBatch(f, t, c)
	if err := b.publish(ctx, items); err != nil {
		b.takeBack(items)
		p.tidy(t, c)
		return stage.Result{}, err
	}
	return stage.Result{Files: files, Findings: p.findings(c, items)}, nil
}

// configure reads the configuration and completes it.
func (p *publisher) configure(t *stage.Task) (config, error) {
	c := config{Dir: t.Job, Overwrite: never}
	if err := t.Config(&c); err != nil {
		return c, err
	}
	if p.dir == "" {
		return c, fault.New(fault.PublishNoFolder, "", nil)
	}
	return c, checkDir(c.Dir)
}

// findings tells where the files are. They are the same for every attempt.
func (p *publisher) findings(c config, items []item) map[string]string {
	dir := filepath.Join(p.dir, c.Dir)
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return map[string]string{
		"dir":   fault.Clip(dir, stage.MaxFinding),
		"path":  fault.Clip(filepath.Join(dir, items[0].file.Name), stage.MaxFinding),
		"files": strconv.Itoa(len(items)),
	}
}

// Compensate removes what the step has published, or puts back what it had
// replaced. A file that somebody changed since is left alone: publish.changed.
func (p *publisher) Compensate(ctx context.Context, t *stage.Task, done stage.Result) error {
	c, err := p.configure(t)
	if err != nil {
		return err
	}
	files := done.Files
	if len(files) == 0 { // undo before do
		files = t.Files
	}
	items, err := itemsOf(files)
	if err != nil {
		return err
	}
	f, err := enterExisting(p.dir, c.Dir)
	if f == nil || err != nil {
		return err
	}
	defer f.close()
	b := newBatch(f, t, c)
	var errs []error
	for _, it := range items {
		errs = append(errs, b.undo(ctx, it, len(done.Files) > 0))
	}
	b.sweep()
	errs = append(errs, f.sync())
	p.tidy(t, c)
	return errors.Join(errs...)
}

// tidy removes the job's own folder when nothing is left in it.
func (p *publisher) tidy(t *stage.Task, c config) {
	if c.Dir == t.Job {
		removeEmpty(p.dir, c.Dir)
	}
}
