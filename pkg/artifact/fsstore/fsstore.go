// Package fsstore keeps artifacts in a directory of the local file system, or
// of a network file system that has hard links and locks.
//
// A blob is written to a temporary file, synced, and linked to its name, and the
// directory of the name is synced: after a power cut there is the whole blob or
// none. Several processes may share a directory. What a killed process left
// half-written is removed by the next one that opens the directory.
//
// Everything happens through [os.Root], so that no name and no symbolic link
// leads out of the directory.
package fsstore

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

// Permissions of what the store makes: others get nothing.
const (
	dirMode  = 0o750
	fileMode = 0o640
)

// Options tunes the store. The zero value is the durable mode.
type Options struct {
	// Reserve is how many bytes of the disk the store leaves free, so that
	// others on the same disk, the broker above all, can go on when the store
	// refuses with artifact.disk_full. Zero means 64 MiB, or an eighth of the
	// disk when that is less; negative means none.
	Reserve int64
	// NoSync leaves it to the operating system when bytes reach the disk. That
	// is faster, and a power cut may then lose or damage content that was
	// reported as stored; reading it gives artifact.corrupt or
	// artifact.not_found. A killed process loses nothing. A later write of the
	// same content without NoSync makes it durable.
	NoSync bool
}

// Store is a directory of blobs.
type Store struct {
	root    *os.Root
	tmp     *workspace
	space   *space
	sync    bool
	durable sync.Map // directories whose own name was synced
	counter atomic.Uint64
	closed  atomic.Bool
}

var _ driver.Store = (*Store)(nil)

// New returns a store in dir, which is made when it does not exist. Nil options
// mean the zero Options. Faults: artifact.io, artifact.disk_full.
func New(dir string, o *Options) (driver.Store, error) {
	if o == nil {
		o = &Options{}
	}
	s, err := open(dir, o)
	if err != nil {
		code := fault.ArtifactIO
		if classify(err) == fault.ArtifactDiskFull {
			code = fault.ArtifactDiskFull
		}
		return nil, fault.New(code, "open the artifact store", err)
	}
	return s, nil
}

func open(dir string, o *Options) (*Store, error) {
	if err := makeDir(dir, !o.NoSync); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{root: root, sync: !o.NoSync}
	if s.space, err = openSpace(root, o.Reserve); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if s.tmp, err = openWorkspace(root); err != nil {
		return nil, errors.Join(err, s.space.close(), root.Close())
	}
	return s, nil
}

// Classify implements [driver.Store].
func (s *Store) Classify(err error) fault.Code { return classify(err) }

// Close implements [driver.Store]. Blobs that are being written are dropped.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return errors.Join(s.tmp.close(), s.space.close(), s.root.Close())
}
