// Package publish is the stage that puts files into a folder where others find
// them: each whole or not at all, each on disk before the step is done.
//
// # How a file gets there
//
// It is written under a hidden name in the same folder, synced, and then linked
// (overwrite: never) or renamed (overwrite: always) to its own name; the folder is
// synced last. Nobody ever sees half a file, whatever dies when. All files are
// written before the first one appears, and that they appear is the one effect of
// the step: see [stage.Task.Effect]. It costs two records of the step's log,
// whatever the number of files, and buys that an attempt which was overtaken puts
// nothing there any more, and that files which somebody has taken away meanwhile
// are not put there again.
//
// Hidden names start with ".millrace-" and a key made from tenant, job and step,
// so that a later attempt of the same step finds what an earlier one left and
// nothing else touches it. A file being written is locked until it is in its place;
// an attempt that was given up but still runs therefore cannot write into the file
// of its successor, nor the successor into that of an attempt that may still put it
// into its place.
//
// The key is also kept in the extended attribute user.millrace.publish of every
// file published, which is how the undo tells its own file from one with equal
// content that somebody else put there. On a file system without such attributes
// equal content counts as its own.
//
// With overwrite: always the file that is replaced stays as a hidden file beside
// it, for the undo, until another job replaces the new one in turn.
//
// # Large files
//
// Of a file above 16 MiB what was written is kept: every 4 MiB are synced while the
// next ones are written, and then offered as a place to go on from, with the state
// of their SHA-256. The next attempt locks the hidden file, waiting for a moment if
// an earlier one still has it, cuts it to what the place says, and goes on. A file
// that is shorter, or has a second name, is not used.
//
// The digest of the finished file is compared before it appears. It is that of what
// was written: bytes of an earlier attempt are not read again, so that damage which
// the disk or somebody who may write to the folder has done to them since is not
// noticed, no more than it would be a moment after the file was published.
//
// Such a file says in user.millrace.content what it holds and when it was written
// last, so that no attempt has to read it again to know that it is there.
//
// A hidden file stays when the tries of the step are used up by faults that may
// pass. The undo of the step removes it, or a person may.
//
// # What is found after a crash
//
//	killed after        | found                          | the next attempt
//	--------------------|--------------------------------|----------------------------------
//	some bytes written  | a hidden file                  | goes on at the place saved last,
//	                    |                                | a small file from its start
//	file synced         | a hidden file                  | uses it, a small one if that was saved
//	intent recorded     | hidden files                   | looks, and puts them there
//	old file kept       | the old file under two names   | goes on
//	linked or renamed   | the file                       | looks: done
//	receipt recorded    | a receipt                      | done
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
		b.giveUp(ctx, items, err)
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
	b.disarm() // whoever is about to put a file into its place comes too late
	var errs []error
	for _, it := range items {
		errs = append(errs, b.undo(ctx, it, len(done.Files) > 0))
	}
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
