package sweep

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/millrace/millrace/pkg/artifact/driver"
)

// disk is a process's view of the artifact store, which outlives it.
type disk struct {
	driver.Store
	link link
}

func (d *disk) alive() error {
	d.link.mu.Lock()
	defer d.link.mu.Unlock()
	if d.link.life != d.link.mine {
		return errDead
	}
	return nil
}

// Create begins a blob of this process.
func (d *disk) Create(ctx context.Context) (driver.Blob, error) {
	if err := d.alive(); err != nil {
		return nil, err
	}
	b, err := d.Store.Create(ctx)
	return &blob{b, d}, err
}

type blob struct {
	driver.Blob
	d *disk
}

// Commit is a durable write.
func (b *blob) Commit(ctx context.Context, name string) error {
	err := b.d.link.write(b.d.link.mine, "blob "+name, func() error { return b.Blob.Commit(ctx, name) })
	b.Abort()
	return err
}

// Read is refused to the dead.
func (d *disk) Read(ctx context.Context, name string, offset, size int64) (io.ReadCloser, int64, error) {
	if err := d.alive(); err != nil {
		return nil, 0, err
	}
	return d.Store.Read(ctx, name, offset, size)
}

// Stat is refused to the dead.
func (d *disk) Stat(ctx context.Context, name string) (int64, error) {
	if err := d.alive(); err != nil {
		return 0, err
	}
	return d.Store.Stat(ctx, name)
}

// Delete is a durable write.
func (d *disk) Delete(ctx context.Context, name string, before time.Time) error {
	return d.link.write(d.link.mine, "delete "+name, func() error { return d.Store.Delete(ctx, name, before) })
}

// List is that of the store.
func (d *disk) List(ctx context.Context, prefix string) iter.Seq2[driver.Info, error] {
	return d.Store.List(ctx, prefix)
}

// Close leaves the store to the next process.
func (d *disk) Close() error { return nil }
