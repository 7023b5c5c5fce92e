package upload

import (
	"context"
	"errors"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// settle finishes an upload that has all its bytes: it makes content of them where
// that was not done, submits the job, and stores the outcome. Each step may have
// been done by a process that has died since, or be done by another one now. After
// an error the upload is as it was, or one step further.
func (u *upload) settle(ctx context.Context) error {
	if u.rec.File == nil {
		if err := u.complete(ctx); err != nil || u.out != nil {
			return err
		}
	}
	f, plan := u.rec.File, u.rec.Plan
	if plan.Digest != "" && plan.Digest != f.Digest {
		return u.end(ctx, refusedBy(refuse(fault.UploadChecksum,
			"announced "+plan.Digest+", arrived "+f.Digest+"; begin again")))
	}
	if err := u.s.Jobs.Keep(ctx, u.q.tenant, f.Digest); err != nil {
		return err
	}
	o := &outcome{State: finished, Size: f.Size, Digest: f.Digest}
	if plan.Pipeline == "" {
		return u.end(ctx, o)
	}
	s := plan.Job
	s.Files = []events.Source{{Name: f.Name, Digest: f.Digest, Size: f.Size, MediaType: f.MediaType}}
	receipt, err := u.s.Jobs.Submit(ctx, u.q.tenant, plan, s)
	var no *Refused
	switch {
	case errors.As(err, &no):
		return u.end(ctx, refusedBy(no))
	case err != nil:
		return err
	}
	o.Job = receipt.Job
	return u.end(ctx, o)
}

func refusedBy(no *Refused) *outcome { return &outcome{State: refused, Problem: &no.Problem} }

// complete makes content of what is stored.
func (u *upload) complete(ctx context.Context) error {
	w, err := u.s.writer(ctx, u.rec)
	if fault.Has(err, fault.ArtifactNotFound) || fault.Has(err, fault.ArtifactCorrupt) {
		return u.end(ctx, &outcome{State: lost})
	}
	if err != nil {
		return err
	}
	defer w.Abort()
	return u.commit(ctx, w)
}
