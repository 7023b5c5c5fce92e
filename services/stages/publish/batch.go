package publish

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// batch is the files of one attempt at a step, or of its undo.
type batch struct {
	*folder
	task   *stage.Task
	key    string
	always bool
	placed map[string]bool // names that this attempt has put there
}

func newBatch(f *folder, t *stage.Task, c config) *batch {
	return &batch{
		folder: f, task: t, key: keyOf(t), always: c.Overwrite == always, placed: map[string]bool{},
	}
}

// publish puts every item into the folder. What stands in the way is found
// before anything is written.
func (b *batch) publish(ctx context.Context, items []item) error {
	if b.task.Attempt > 1 {
		b.sweep()
	}
	there := make([]bool, len(items))
	for i, it := range items {
		var err error
		if there[i], err = b.isThere(ctx, it); err != nil {
			return err
		}
	}
	meter := b.task.Meter(total(items))
	for i, it := range items {
		if there[i] {
			b.drop(tempName(b.key, it, b.task.Attempt)) // of a process that died just then
			meter.Add(it.file.Size)
			continue
		}
		if err := b.place(ctx, it, meter); err != nil {
			return err
		}
	}
	return b.sync()
}

func total(items []item) (n int64) {
	for _, it := range items {
		n += it.file.Size
	}
	return n
}

// isThere reports whether the item is published already. A file in its place
// that may not be replaced is the fault publish.exists.
func (b *batch) isThere(ctx context.Context, it item) (bool, error) {
	x, err := b.look(it.file.Name)
	if x == nil || err != nil {
		return false, err
	}
	defer x.close()
	same, err := x.same(ctx, it.file)
	if err != nil {
		return false, err
	}
	if !same && (!b.always || !x.info.Mode().IsRegular()) {
		return false, fault.New(fault.PublishExists, it.file.Name, nil)
	}
	return same, nil
}

// place writes the item beside its place and then puts it there.
func (b *batch) place(ctx context.Context, it item, meter *stage.Meter) error {
	temp := tempName(b.key, it, b.task.Attempt)
	w, err := b.write(ctx, it, temp, meter)
	if err != nil {
		return err
	}
	defer w.Close() // holds the lock on temp until its name is gone
	defer b.root.Remove(temp)
	for {
		err := b.root.Link(temp, it.file.Name)
		if err == nil {
			b.placed[it.file.Name] = true
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return classify("publish "+it.file.Name, err)
		}
		same, err := b.isThere(ctx, it) // somebody was faster, or overwrite: always
		if same || err != nil {
			return err
		}
		if done, err := b.replace(it, w, temp); done || err != nil {
			return err
		}
	}
}

// replace puts temp, which is open as w, in the place of another file, which
// stays as a hidden one. It reports false when the other file is gone meanwhile.
func (b *batch) replace(it item, w *os.File, temp string) (bool, error) {
	name := it.file.Name
	x, err := b.look(name)
	if x == nil || err != nil {
		return false, err
	}
	defer x.close()
	m, err := x.mark()
	if err != nil {
		return false, err
	}
	ours := m.key == b.key // of an earlier attempt that was given other content
	if !ours {
		if err := b.keep(it, x); err != nil {
			return false, err
		}
	}
	if err := setMark(w, b.key, !ours || m.replaced); err != nil {
		return false, classify("mark "+name, err)
	}
	if err := b.root.Rename(temp, name); err != nil {
		return false, classify("replace "+name, err)
	}
	b.placed[name] = true
	if m.key != "" && !ours {
		_ = b.root.Remove(oldName(m.key, it)) // it can no longer be put back
	}
	return true, nil
}

// keep gives the file in the item's place a second, hidden name.
func (b *batch) keep(it item, x *existing) error {
	old := oldName(b.key, it)
	err := b.root.Link(it.file.Name, old)
	if errors.Is(err, fs.ErrExist) {
		if b.isFile(old, x) { // an earlier attempt came this far
			return nil
		}
		if err = b.root.Remove(old); err == nil {
			err = b.root.Link(it.file.Name, old)
		}
	}
	if err != nil {
		return classify("keep the old "+it.file.Name, err)
	}
	return nil
}
