package upload

import (
	"context"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// renewal is how old a complete upload may get before it is stored again, so that
// the bucket does not forget it while its job cannot be submitted.
const renewal = time.Hour

// Run looks after uploads that were left behind, at once and then again and again,
// until ctx ends: the complete ones are settled, and those that have lain still for
// too long are ended. It returns nil. Several processes may do it at a time.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	for {
		if err := s.tidy(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("uploads cannot be looked after", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// tidy goes through the open uploads once.
func (s *Service) tidy(ctx context.Context) error {
	now := s.now()
	list, err := s.ledger.those(ctx, func(r *record) bool { return r.full() || r.expired(now) })
	if err != nil {
		return err
	}
	for _, h := range list {
		if ctx.Err() != nil {
			return nil
		}
		if err := s.tidyOne(ctx, h); err != nil && ctx.Err() == nil {
			s.Log.Warn("an upload is not settled yet", "tenant", h.tenant, "pipeline", h.Plan.Pipeline,
				"code", string(fault.From(err).Code), "error", err)
		}
	}
	return nil
}

func (s *Service) tidyOne(ctx context.Context, h held) error {
	u := &upload{s: s, q: &request{tenant: h.tenant}, id: h.id, rec: h.record, rev: h.rev}
	if !h.full() {
		return u.end(ctx, &outcome{State: expired})
	}
	err := u.settle(ctx)
	if err != nil && u.rec != nil && s.now().Sub(u.rec.Saved) > renewal {
		_ = u.save(ctx) // what counts is why it was not settled
	}
	return err
}
