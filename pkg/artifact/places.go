package artifact

import (
	"context"
	"strings"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// places are the stored places, as a sweep sees them: one that was written lately
// keeps itself, what it names, and the places before it.
type places struct {
	s      *Store
	before time.Time
	kept   map[sum]bool
}

// keepResumable removes the places that are not needed any more, and from left
// what the others name. Writers may be resumed meanwhile, see [Writer.claim]: so
// places are looked for again after those were removed.
func (s *Store) keepResumable(
	ctx context.Context, left map[string]int64, before time.Time,
) error {
	p := &places{s: s, before: before, kept: map[sum]bool{}}
	old, err := p.keep(ctx, left)
	if err != nil {
		return err
	}
	for _, d := range old {
		if p.kept[d] {
			continue
		}
		if err := s.d.Delete(ctx, placeName(d), before); err != nil {
			return s.fail(ctx, "sweep "+placeName(d), err)
		}
	}
	if len(left) > 0 {
		_, err = p.keep(ctx, left)
	}
	return err
}

// keep removes from left what those places name that it has not seen yet and that
// were written lately, and returns the others.
func (p *places) keep(ctx context.Context, left map[string]int64) (old []sum, err error) {
	for info, err := range p.s.d.List(ctx, placePrefix) {
		if err != nil {
			return nil, p.s.fail(ctx, "list the places", err)
		}
		d, err := parseDigest(digestPrefix + info.Name[strings.LastIndexByte(info.Name, '/')+1:])
		if err != nil {
			continue // a foreign file names no chunk
		}
		if info.Written.Before(p.before) {
			old = append(old, d)
		} else if err := p.follow(ctx, d, left); err != nil {
			return nil, err
		}
	}
	return old, nil
}

// follow keeps the place d and those before it.
func (p *places) follow(ctx context.Context, d sum, left map[string]int64) error {
	for !p.kept[d] {
		q, err := p.s.readPlace(ctx, d)
		if fault.Has(err, fault.ArtifactNotFound) {
			// A writer may have been resumed from there just before the place was
			// removed, and count on chunks of which nobody knows which they are.
			clear(left)
			return nil
		}
		if err != nil {
			return err
		}
		p.kept[d] = true
		delete(left, chunkName(q.tail))
		for i := range q.chunks {
			delete(left, chunkName(q.chunks[i].digest))
		}
		if d = q.before; q.first == 0 {
			return nil
		}
	}
	return nil
}
