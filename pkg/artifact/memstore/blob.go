package memstore

import (
	"context"
	"time"

	"github.com/millrace/millrace/pkg/artifact/driver"
)

// blob is a blob that is being written.
type blob struct {
	ctx  context.Context
	s    *Store
	data []byte
	done bool
}

// Create implements [driver.Store].
func (s *Store) Create(ctx context.Context) (driver.Blob, error) {
	b := &blob{ctx: ctx, s: s}
	if err := b.writable(); err != nil {
		return nil, err
	}
	return b, nil
}

// writable checks what every call of a blob must check first.
func (b *blob) writable() error {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if b.s.closed || b.done {
		return driver.ErrClosed
	}
	if err := b.ctx.Err(); err != nil {
		return err
	}
	return b.s.mayWrite()
}

func (b *blob) Write(p []byte) (int, error) {
	if err := b.writable(); err != nil {
		return 0, err
	}
	b.data = append(b.data, p...)
	return len(p), nil
}

func (b *blob) Commit(ctx context.Context, name string) error {
	if err := b.writable(); err != nil {
		b.Abort()
		return err
	}
	b.done = true
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if err := b.s.usable(ctx, name); err != nil {
		return err
	}
	b.s.blobs[name] = content{data: b.data, written: time.Now()}
	return nil
}

func (b *blob) Abort() { b.data, b.done = nil, true }
