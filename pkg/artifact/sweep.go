package artifact

import (
	"context"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// defaultGrace is how old a chunk is when a sweep takes it for left over.
const defaultGrace = 24 * time.Hour

// always makes a driver delete whatever the age.
var always time.Time

// Swept says what a sweep removed.
type Swept struct {
	// Chunks is how many, and Bytes how much they held.
	Chunks int
	Bytes  int64
}

// Sweep removes chunks that belong to no content: those of writes that failed
// or were aborted, and of content that was deleted. It spares chunks that were
// written within grace, zero meaning 24 hours, and up to 15 minutes more. So grace
// must be longer than any write takes from its first chunk, or from the last [Mark]
// or [Store.Resume], to its Commit.
//
// What a [State] speaks of is spared for as long after its Mark, and after each
// Resume of it or of a later one. After that the next Sweep takes it, and Resume
// fails with artifact.not_found.
//
// Sweep may run while the store is used, and again after a failure. With a grace of
// less than 24 hours nothing may be resumed meanwhile. A manifest, or a blob that
// states refer to, that cannot be read ends it before any chunk is removed: its
// chunks may be all that is left of a file.
func (s *Store) Sweep(ctx context.Context, grace time.Duration) (Swept, error) {
	if err := s.usable(ctx); err != nil {
		return Swept{}, err
	}
	if grace <= 0 {
		grace = defaultGrace
	}
	// What a state speaks of may be that much older than its mark.
	before := time.Now().Add(-grace - min(renewAfter, grace/96))
	left, err := s.oldChunks(ctx, before)
	if err == nil {
		err = s.keepUsed(ctx, left)
	}
	var done Swept
	if err != nil {
		return done, err
	}
	if err := s.keepResumable(ctx, left, before); err != nil {
		return done, err
	}
	for name, size := range left {
		if err := s.d.Delete(ctx, name, before); err != nil {
			return done, s.fail(ctx, "sweep "+name, err)
		}
		done.Chunks++
		done.Bytes += size
	}
	return done, nil
}

// oldChunks returns the sizes of the chunks that were written before.
func (s *Store) oldChunks(ctx context.Context, before time.Time) (map[string]int64, error) {
	old := map[string]int64{}
	for info, err := range s.d.List(ctx, chunkPrefix) {
		if err != nil {
			return nil, s.fail(ctx, "list the chunks", err)
		}
		if info.Written.Before(before) {
			old[info.Name] = info.Size
		}
	}
	return old, nil
}

// keepUsed removes from left what a manifest names. The manifests are listed
// after the chunks: what a later manifest names was written again since then.
func (s *Store) keepUsed(ctx context.Context, left map[string]int64) error {
	if len(left) == 0 {
		return nil
	}
	for info, err := range s.d.List(ctx, manifestPrefix) {
		if err != nil {
			return s.fail(ctx, "list the manifests", err)
		}
		d, err := parseDigest(digestPrefix + info.Name[strings.LastIndexByte(info.Name, '/')+1:])
		if err != nil {
			continue // a foreign file names no chunk
		}
		m, err := s.readManifest(ctx, d)
		switch {
		case fault.Has(err, fault.ArtifactNotFound):
			continue // deleted meanwhile
		case err != nil:
			return err
		}
		for i := range m.chunks {
			delete(left, m.chunkName(int64(i)))
		}
	}
	return nil
}
