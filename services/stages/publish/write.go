package publish

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/millrace/millrace/pkg/fault"
)

// whole is an item in a hidden file, complete and on disk. The file stays open,
// because that holds the lock on it.
type whole struct {
	file *os.File
	temp string
}

// write makes the item, the i-th, whole. done bytes of others went before it.
func (b *batch) write(ctx context.Context, i int, it item, done int64) (*whole, error) {
	if i < b.at.Items {
		if w := b.adopt(ctx, it); w != nil {
			return w, nil
		}
	}
	s := &sink{batch: b, ctx: ctx, index: i, before: done}
	if b.task.Checkpoints != nil && it.file.Size > resumable && i >= b.at.Items {
		s.hash = sha256.New()
	}
	if b.at.begun(b.key, i, it) {
		f, err := b.reopen(ctx)
		if err != nil {
			return nil, err
		}
		if h := b.at.hash(); f != nil && h != nil {
			s.file, s.temp, s.done, s.synced, s.hash = f, b.at.Temp, b.at.Bytes, b.at.Bytes, h
		} else if f != nil {
			_ = f.Close()
		}
	}
	if s.file == nil {
		var err error
		if s.file, s.temp, err = b.openTemp(it); err != nil {
			return nil, err
		}
	}
	if err := b.fill(ctx, it, s); err != nil {
		_ = s.file.Close() // what is to be kept of it is decided later
		return nil, err
	}
	return &whole{s.file, s.temp}, nil
}

func (b *batch) fill(ctx context.Context, it item, s *sink) error {
	r, err := b.task.Store.OpenRange(ctx, it.file.Digest, s.done, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(s, r)
	if waited := s.settle(); err == nil {
		err = waited
	}
	switch {
	case s.err != nil:
		return classify("write "+it.file.Name, s.err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	}
	if s.hash != nil && "sha256:"+hex.EncodeToString(s.hash.Sum(nil)) != it.file.Digest {
		return fault.New(fault.PublishIO, it.file.Name+" is not what was to be written", nil)
	}
	if err := setMark(s.file, b.key, false); err != nil {
		return classify("mark "+it.file.Name, err)
	}
	if err := setContent(s.file, it.file); err != nil {
		return classify("mark "+it.file.Name, err)
	}
	if err := s.file.Sync(); err != nil {
		return classify("sync "+it.file.Name, err)
	}
	return nil
}

const (
	// flushEvery is after how many bytes the system is asked to begin writing them
	// to disk, so that little is left to do when the file is synced.
	flushEvery = 32 << 20
	// syncEvery is the same for a file that is resumed: after that it is synced, so
	// that the place can be offered, while more is written.
	syncEvery = 4 << 20
)

// sink writes to a file and remembers whether it was the file that failed.
type sink struct {
	*batch
	ctx    context.Context // of the attempt, as long as the sink
	file   *os.File
	temp   string
	index  int   // of the item
	before int64 // bytes of the items before
	hash   hash.Hash

	done, synced int64 // synced counts also what is on its way
	flight       chan error
	reached      place // when the flight has landed
	err          error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	var hashing sync.WaitGroup
	if s.hash != nil {
		hashing.Go(func() { s.hash.Write(p) })
	}
	n, err := s.file.Write(p)
	hashing.Wait()
	if err != nil {
		s.err = err
	}
	s.done += int64(n)
	s.reach(s.before + s.done)
	size := s.done - s.synced
	switch {
	case err != nil:
	case s.hash != nil && size >= syncEvery:
		err = s.save()
	case s.hash == nil && size >= flushEvery:
		const begin = 2                                                    // SYNC_FILE_RANGE_WRITE
		_ = syscall.SyncFileRange(int(s.file.Fd()), s.synced, size, begin) // no promise: Sync follows
		s.synced = s.done
	}
	return n, err
}

// save begins to sync what was written, and offers the place that was synced
// before.
func (s *sink) save() error {
	if err := s.settle(); err != nil {
		return err
	}
	state, err := s.hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return fault.New(fault.InternalBug, "note the state of a digest", err)
	}
	s.reached = place{Items: s.index, Temp: s.temp, Bytes: s.done, Hash: state}
	s.synced, s.flight = s.done, make(chan error, 1)
	go func(done chan<- error) { done <- syscall.Fdatasync(int(s.file.Fd())) }(s.flight)
	return nil
}

// settle waits for what is being synced, and offers the place.
func (s *sink) settle() error {
	if s.flight == nil {
		return nil
	}
	err := <-s.flight
	s.flight = nil
	if err != nil {
		s.err = os.NewSyscallError("fdatasync", err)
		return s.err
	}
	s.at = s.reached
	return s.run.Offer(s.ctx, s.before+s.at.Bytes, s.total)
}
