// Package artifact stores the files that stages read and write.
//
// An artifact is immutable and is named by its content: the SHA-256 of the bytes
// is computed while they are written and checked again before they are handed
// out. Two writes of the same bytes give the same name, which is what makes a
// repeated attempt harmless. Messages carry the digest and never the bytes.
//
// Content larger than a chunk, 8 MiB by default, is cut into chunks that are
// stored one by one under their own digests, and a manifest that is stored last:
// before it there is nothing under the digest of the content, and after a crash
// the chunks that were written need not be written again.
//
// What it promises:
//
//   - When Put or Commit returns nil, the content survives a power cut, as far
//     as the driver promises that. When they return an error, nothing was
//     stored under the digest of the content.
//   - A reader hands out no byte that it has not checked. Damaged content is
//     the fault artifact.corrupt, and storing the content again mends it.
//   - A writer takes at most 2 MiB and a reader at most 2 MiB, whatever the
//     size of the content, and 36 bytes for each MiB of it. All readers of a
//     store together take up to 32 MiB more, where that saves reading twice.
//   - What was written before a [Mark] is durable when its Wait returns: with the
//     [State] from there, any process goes on from that byte, see [Store.Resume],
//     and commits what an uninterrupted writer would have.
//
// What is stored when the process is killed, and what the state of the last mark
// is good for then:
//
//	killed                        found afterwards
//	before Wait returns           chunks; the state of the mark before is good
//	after Wait returned           the state is good
//	while the state is resumed    the state is good, any number of times
//	while Commit runs             nothing under the digest; the state is good
//	after Commit returned         the content; the state is good still
//
// A state is good for 24 hours after its mark, or after the last Resume of it;
// what it speaks of may be gone then, see [Store.Sweep]. Resume looks whether all
// chunks are there, without reading them, and reads the bytes beyond the last
// whole one. A chunk that is damaged meanwhile shows where any damaged chunk does:
// when the content is read.
//
// An error that the package returns is a fault: besides those that each method
// names, artifact.io, artifact.disk_full and artifact.closed come from the
// store, and the cause of the context when that has ended. An error of a
// caller's own reader or writer is returned as it is.
package artifact

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

// Options tunes a [Store]. The zero value is right for almost all programs.
type Options struct {
	// ChunkSize is the size of a stored chunk in bytes, at most 64 MiB. Zero
	// means 8 MiB. Sizes above 256 KiB are rounded up to whole MiB, others to a
	// multiple of 64. Content that was stored with another size stays readable.
	ChunkSize int64
}

// PutOptions describes new content. The zero value sets no name and no limit.
type PutOptions struct {
	// Name and MediaType are copied into the file that is returned. A name
	// that is not empty must pass [CheckName].
	Name, MediaType string
	// Limit is the largest size that is accepted, in bytes. Zero means none.
	Limit int64
}

// Store is a store of immutable artifacts. It is a struct and not an
// interface; storage systems plug in below it. It is safe for concurrent use,
// also when several processes share what is below.
type Store struct {
	d       driver.Store
	sizes   sizes
	buffers *buffers
	spare   budget
	closed  atomic.Bool
}

// New returns a store on top of d, which it takes over: closing the store
// closes d. Nil options mean the zero Options.
func New(d driver.Store, o *Options) *Store {
	if o == nil {
		o = &Options{}
	}
	z := sizesFor(o.ChunkSize)
	return &Store{d: d, sizes: z, buffers: newBuffers(z), spare: budget{limit: spareLimit}}
}

// Put reads r to its end and stores the content. Nil options mean the zero
// PutOptions. It does not close r, and an error of r is returned as it is.
// Faults: artifact.too_large, submit.bad_name.
func (s *Store) Put(ctx context.Context, r io.Reader, o *PutOptions) (events.File, error) {
	w := s.Create(ctx, o)
	defer w.Abort()
	if _, err := w.ReadFrom(r); err != nil {
		return events.File{}, err
	}
	return w.Commit()
}

// Stat returns the size of the content of digest, without reading it. Faults:
// artifact.not_found, artifact.bad_digest, and artifact.corrupt for a damaged
// manifest.
func (s *Store) Stat(ctx context.Context, digest string) (int64, error) {
	d, err := s.admit(ctx, digest)
	if err != nil {
		return 0, err
	}
	size, err := s.d.Stat(ctx, contentName(d))
	if err == nil {
		return size, nil
	}
	if err = s.fail(ctx, "stat "+digest, err); !fault.Has(err, fault.ArtifactNotFound) {
		return 0, err
	}
	m, err := s.readManifest(ctx, d)
	if err != nil {
		return 0, err
	}
	return m.size, nil
}

// Delete removes the content of digest; it succeeds when there is none. The
// chunks of large content may belong to other content too: they stay until
// [Store.Sweep] finds them unused. Fault: artifact.bad_digest.
func (s *Store) Delete(ctx context.Context, digest string) error {
	d, err := s.admit(ctx, digest)
	if err != nil {
		return err
	}
	for _, name := range []string{contentName(d), manifestName(d)} {
		if err := s.d.Delete(ctx, name, always); err != nil {
			return s.fail(ctx, "delete "+digest, err)
		}
	}
	return s.revoke(ctx, d)
}

// Close closes the driver. Readers and writers that are still open fail, as do
// later calls, with artifact.closed. Closing again does nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	if err := s.d.Close(); err != nil {
		return fault.New(s.d.Classify(err), "close the store", err)
	}
	return nil
}

// admit checks what every method must check first.
func (s *Store) admit(ctx context.Context, digest string) (sum, error) {
	d, err := parseDigest(digest)
	if err != nil {
		return d, err
	}
	return d, s.usable(ctx)
}

func (s *Store) usable(ctx context.Context) error {
	if s.closed.Load() {
		return fault.New(fault.ArtifactClosed, "", nil)
	}
	return ended(ctx)
}

// ended returns why ctx ended, as a fault, or nil when it has not.
func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return fault.From(context.Cause(ctx))
}

// fail makes a fault of an error of the driver. When ctx has ended, that is
// why.
func (s *Store) fail(ctx context.Context, doing string, err error) error {
	if f := new(fault.Error); errors.As(err, &f) {
		return f
	}
	if err := ended(ctx); err != nil {
		return err
	}
	return fault.New(s.d.Classify(err), doing, err)
}

// store writes b under name.
func (s *Store) store(ctx context.Context, name string, b []byte) error {
	blob, err := s.d.Create(ctx)
	if err != nil {
		return err
	}
	defer blob.Abort()
	if _, err := blob.Write(b); err != nil {
		return err
	}
	return blob.Commit(ctx, name)
}

// readManifest returns the manifest of d, which it checks.
func (s *Store) readManifest(ctx context.Context, d sum) (*manifest, error) {
	doing := "read the manifest of " + d.String()
	r, size, err := s.d.Read(ctx, manifestName(d), 0, -1)
	if err != nil {
		return nil, s.fail(ctx, doing, err)
	}
	defer r.Close()
	if size > maxManifest {
		return nil, fault.New(fault.ArtifactCorrupt, doing, errors.New("manifest is too long"))
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, s.readFault(ctx, doing, err)
	}
	m, err := decodeManifest(b)
	if err == nil && m.digest != d {
		err = errors.New("manifest is of other content")
	}
	if err != nil {
		return nil, fault.New(fault.ArtifactCorrupt, doing, err)
	}
	return m, nil
}

// readFault is fail for a blob that must have the bytes that were asked for.
func (s *Store) readFault(ctx context.Context, doing string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.ArtifactCorrupt, doing, errors.New("stored bytes are missing"))
	}
	return s.fail(ctx, doing, err)
}
