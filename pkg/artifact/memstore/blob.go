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
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := b.writable(); err != nil {
		return nil, err
	}
	s.open++
	return b, nil
}

// writable checks what every call of a blob must check first. The caller holds
// the lock of the store.
func (b *blob) writable() error {
	if b.s.closed || b.done {
		return driver.ErrClosed
	}
	if err := b.ctx.Err(); err != nil {
		return err
	}
	return b.s.mayWrite()
}

func (b *blob) Write(p []byte) (int, error) {
	b.s.mu.Lock()
	err := b.writable()
	b.s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	b.data = append(b.data, p...)
	return len(p), nil
}

func (b *blob) Commit(ctx context.Context, name string) error {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	err := b.writable()
	if err == nil {
		err = b.s.usable(ctx, name)
	}
	if err == nil {
		b.s.blobs[name] = content{data: b.data, written: time.Now()}
	}
	b.end()
	return err
}

func (b *blob) Abort() {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.end()
}

// end makes the blob useless. The caller holds the lock of the store.
func (b *blob) end() {
	if !b.done {
		b.s.open--
	}
	b.data, b.done = nil, true
}
