package publish

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"

	"github.com/millrace/millrace/pkg/fault"
)

// undo takes one item back. completed says that the step once succeeded; until
// then a foreign file in the item's place was never ours.
func (b *batch) undo(ctx context.Context, it item, completed bool) error {
	x, err := b.look(it.file.Name)
	if err != nil {
		return err
	}
	if x == nil {
		return b.restore(it)
	}
	defer x.close()
	same, err := x.same(ctx, it.file)
	if err != nil {
		return err
	}
	m, err := x.mark()
	if err != nil {
		return err
	}
	switch {
	case same && m.of(b.key):
		return b.restoreFrom(m, it)
	case same:
		return nil // equal content that somebody else has published
	case m.key != b.key && b.isFile(oldName(b.key, it), x):
		return b.forget(it) // an attempt died before it replaced anything
	case m.key == b.key, completed && !b.always, b.exists(oldName(b.key, it)):
		return fault.New(fault.PublishChanged, it.file.Name, nil)
	}
	return nil
}

// restoreFrom is restore for an item that is there with mark m. When the file
// it has replaced is gone, it stays: the job that took the old file's place in
// turn was undone first, and nothing would be left.
func (b *batch) restoreFrom(m mark, it item) error {
	if m.replaced && !b.exists(oldName(b.key, it)) {
		return fault.New(fault.PublishChanged, "what "+it.file.Name+" has replaced is gone", nil)
	}
	return b.restore(it)
}

// restore puts back the file that the item has replaced, or removes the item.
func (b *batch) restore(it item) error {
	err := b.root.Rename(oldName(b.key, it), it.file.Name)
	if errors.Is(err, fs.ErrNotExist) {
		err = b.root.Remove(it.file.Name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return classify("remove "+it.file.Name, err)
	}
	return nil
}

// forget removes the hidden name of a file that was not replaced after all.
func (b *batch) forget(it item) error {
	err := b.root.Remove(oldName(b.key, it))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return classify("forget the old "+it.file.Name, err)
	}
	return nil
}

// takeBack removes what attempts of this step have published, after a failure.
// It does what it can; the next attempt finds the rest.
func (b *batch) takeBack(items []item) {
	for _, it := range items {
		if err := b.withdraw(it); err != nil && b.task.Log != nil {
			b.task.Log.Warn("published file left behind",
				slog.String("name", it.file.Name), slog.Any("error", err))
		}
	}
	_ = b.sync() // the failure that led here is the one to report
}

// withdraw takes an item back if it is certain that this step published it.
func (b *batch) withdraw(it item) error {
	x, err := b.look(it.file.Name)
	if x == nil || err != nil {
		return err
	}
	defer x.close()
	m, err := x.mark()
	switch {
	case err != nil:
		return err
	case m.key == b.key, m.none && b.placed[it.file.Name]:
		return b.restoreFrom(m, it)
	case b.isFile(oldName(b.key, it), x):
		return b.forget(it)
	}
	return nil
}
