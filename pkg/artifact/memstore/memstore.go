// Package memstore keeps artifacts in memory, for tests: it can be told to
// fail, and to damage what it holds. Programs use package fsstore.
package memstore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

// ErrFull is an error that the store classifies as artifact.disk_full, for
// [Store.FailWrites].
var ErrFull = errors.New("store is full")

// Store is a driver that keeps blobs in memory.
type Store struct {
	mu     sync.Mutex
	blobs  map[string]content
	open   int // blobs that are being written, and readers
	closed bool
	// failure is what the next failing writes return after allowed more.
	failure          error
	allowed, failing int
}

// content is a stored blob; its bytes never change.
type content struct {
	data    []byte
	written time.Time
}

var _ driver.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{blobs: map[string]content{}} }

// FailWrites makes calls of Create, Write and Commit fail with err: after the next
// allowed ones as many as failing, or all when that is negative. A nil err ends
// that.
func (s *Store) FailWrites(allowed, failing int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed, s.failing, s.failure = allowed, failing, err
}

// Damage replaces the bytes of the blob by what change makes of a copy, and
// reports whether there is such a blob.
func (s *Store) Damage(name string, change func([]byte) []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.blobs[name]
	if ok {
		c.data = change(bytes.Clone(c.data))
		s.blobs[name] = c
	}
	return ok
}

// Names returns the names of all blobs, sorted.
func (s *Store) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.blobs))
	for name := range s.blobs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Unfinished returns how many blobs were neither committed nor aborted, and how
// many readers were not closed.
func (s *Store) Unfinished() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// usable checks what every method must check first. The caller holds mu.
func (s *Store) usable(ctx context.Context, name string) error {
	switch {
	case s.closed:
		return driver.ErrClosed
	case !driver.ValidName(name):
		return driver.ErrBadName
	}
	return ctx.Err()
}

// mayWrite returns the failure that was asked for. The caller holds mu.
func (s *Store) mayWrite() error {
	switch {
	case s.failure == nil || s.failing == 0:
		return nil
	case s.allowed > 0:
		s.allowed--
		return nil
	}
	s.failing--
	return s.failure
}

// find returns the blob.
func (s *Store) find(ctx context.Context, name string) (content, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, name); err != nil {
		return content{}, err
	}
	c, ok := s.blobs[name]
	if !ok {
		return content{}, fs.ErrNotExist
	}
	return c, nil
}

// Read implements [driver.Store].
func (s *Store) Read(
	ctx context.Context, name string, offset, size int64,
) (io.ReadCloser, int64, error) {
	c, err := s.find(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	whole := int64(len(c.data))
	part := c.data[min(max(offset, 0), whole):]
	if size >= 0 {
		part = part[:min(size, int64(len(part)))]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
	return &reader{ctx: ctx, s: s, r: bytes.NewReader(part)}, whole, nil
}

// reader reads until the context or the store ends.
type reader struct {
	ctx  context.Context
	s    *Store
	r    *bytes.Reader
	done bool
}

func (r *reader) Read(p []byte) (int, error) {
	r.s.mu.Lock()
	closed := r.s.closed || r.done
	r.s.mu.Unlock()
	if closed {
		return 0, driver.ErrClosed
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

func (r *reader) Close() error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if !r.done {
		r.done = true
		r.s.open--
	}
	return nil
}

// Stat implements [driver.Store].
func (s *Store) Stat(ctx context.Context, name string) (int64, error) {
	c, err := s.find(ctx, name)
	return int64(len(c.data)), err
}

// Delete implements [driver.Store].
func (s *Store) Delete(ctx context.Context, name string, before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, name); err != nil {
		return err
	}
	if before.IsZero() || s.blobs[name].written.Before(before) {
		delete(s.blobs, name)
	}
	return nil
}

// List implements [driver.Store].
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[driver.Info, error] {
	return func(yield func(driver.Info, error) bool) {
		for _, name := range s.Names() {
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			c, err := s.find(ctx, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			info := driver.Info{Name: name, Size: int64(len(c.data)), Written: c.written}
			if !yield(info, err) || err != nil {
				return
			}
		}
	}
}

// Classify implements [driver.Store].
func (s *Store) Classify(err error) fault.Code {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.ArtifactNotFound
	case errors.Is(err, ErrFull):
		return fault.ArtifactDiskFull
	case errors.Is(err, driver.ErrClosed):
		return fault.ArtifactClosed
	case errors.Is(err, driver.ErrBadName):
		return fault.InternalBug
	}
	return fault.ArtifactIO
}

// Close implements [driver.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}
