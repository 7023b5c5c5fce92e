package publish

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/millrace/millrace/pkg/checkpoint"
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

	run     *checkpoint.Run // nil until the attempt has resumed
	at      place
	meter   *stage.Meter
	total   int64
	settled bool // everything is in its place, whatever comes
}

func newBatch(f *folder, t *stage.Task, c config) *batch {
	return &batch{
		folder: f, task: t, key: keyOf(t), always: c.Overwrite == always, placed: map[string]bool{},
	}
}

// publish puts every item into the folder. What stands in the way is found
// before anything is written, and everything is written before anything appears.
func (b *batch) publish(ctx context.Context, items []item) (err error) {
	made, err := b.made(ctx)
	if err != nil {
		return err
	}
	if made {
		b.sweep()
		return nil
	}
	b.total = total(items)
	if b.run, err = b.task.Resume(ctx, stateVersion, &b.at); err != nil {
		return err
	}
	b.run.Ahead(2 * syncEvery) // what is being synced, and what is written meanwhile
	ready := make([]*whole, len(items))
	defer func() {
		b.letGo(ctx, items, ready, err)
		for _, w := range ready {
			if w != nil {
				_ = w.file.Close() // synced before; holds the lock until its name is gone
			}
		}
	}()
	there := make([]bool, len(items))
	for i, it := range items {
		if there[i], err = b.isThere(ctx, it); err != nil {
			return err
		}
	}
	if err := b.writeAll(ctx, items, there, ready); err != nil {
		return err
	}
	return b.appear(ctx, items, ready)
}

// writeAll makes the items whole that are not there.
func (b *batch) writeAll(ctx context.Context, items []item, there []bool, ready []*whole) (err error) {
	b.meter = b.task.Meter(b.total)
	b.meter.Add(b.run.Done())
	done := int64(0)
	for i, it := range items {
		if !there[i] {
			if ready[i], err = b.write(ctx, i, it, done); err != nil {
				return err
			}
		}
		done += it.file.Size
		b.reach(done)
		if b.at.Items <= i {
			b.at = place{Items: i + 1}
		}
		if err := b.run.Offer(ctx, done, b.total); err != nil {
			return err
		}
	}
	return nil
}

// reach makes the meter show at least done bytes.
func (b *batch) reach(done int64) {
	if more := done - b.meter.Done(); more > 0 {
		b.meter.Add(more)
	}
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
	same, err := x.stillSame(ctx, it.file)
	if err != nil {
		return false, err
	}
	if !same && (!b.always || !x.info.Mode().IsRegular()) {
		return false, fault.New(fault.PublishExists, it.file.Name, nil)
	}
	return same, nil
}

// place puts the item, which is whole, into its place.
func (b *batch) place(ctx context.Context, it item, w *whole) error {
	for {
		err := b.root.Link(w.temp, it.file.Name)
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
		if done, err := b.replace(it, w.file, w.temp); done || err != nil {
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
