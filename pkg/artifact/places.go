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
	swept  bool
}

func (s *Store) placesSince(before time.Time) *places {
	return &places{s: s, before: before, kept: map[sum]bool{}}
}

// keep removes from left what the places name that are new since the last call.
// The first call also removes the places that are not needed any more.
func (p *places) keep(ctx context.Context, left map[string]int64) error {
	var old []sum
	for info, err := range p.s.d.List(ctx, placePrefix) {
		if err != nil {
			return p.s.fail(ctx, "list the places", err)
		}
		d, err := parseDigest(digestPrefix + info.Name[strings.LastIndexByte(info.Name, '/')+1:])
		if err != nil {
			continue // a foreign file names no chunk
		}
		if info.Written.Before(p.before) {
			old = append(old, d)
		} else if err := p.follow(ctx, d, left); err != nil {
			return err
		}
	}
	if p.swept {
		return nil
	}
	p.swept = true
	for _, d := range old {
		if p.kept[d] {
			continue
		}
		if err := p.s.d.Delete(ctx, placeName(d), p.before); err != nil {
			return p.s.fail(ctx, "sweep "+placeName(d), err)
		}
	}
	return nil
}

// follow keeps the place d and those before it.
func (p *places) follow(ctx context.Context, d sum, left map[string]int64) error {
	for !p.kept[d] {
		q, err := p.s.readPlace(ctx, d)
		if fault.Has(err, fault.ArtifactNotFound) {
			return nil // nobody can resume from there
		}
		if err != nil {
			return err
		}
		p.kept[d] = true
		delete(left, chunkName(q.tail))
		for i := range q.chunks {
			delete(left, chunkName(q.chunks[i]))
		}
		if d = q.before; q.first == 0 {
			return nil
		}
	}
	return nil
}
