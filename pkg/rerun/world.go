package rerun

import (
	"context"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/flow"
)

// ask adds to the results what only the world can tell: that the store does not hold
// their files any more, or that the job that did the work has taken it back.
func (r *Reader) ask(ctx context.Context, tenant string, old *flow.Plan, f *Found) error {
	w := &asking{Reader: r, tenant: tenant, held: map[string]bool{}, origins: map[string]*events.Job{}}
	if err := w.sources(ctx, f.Before.Files); err != nil {
		return err
	}
	for _, s := range old.Steps {
		prior, ok := f.Prior[s.ID]
		if !ok || prior.Lacks != "" {
			continue
		}
		lacks, err := w.files(ctx, prior.Files)
		if err == nil && lacks == "" && s.Compensable && prior.Job != f.Before.ID {
			lacks, err = w.origin(ctx, prior.Job, s.ID)
		}
		if err != nil {
			return err
		}
		if lacks != "" {
			f.Prior[s.ID] = events.Prior{Job: prior.Job, Lacks: lacks}
		}
	}
	return nil
}

// asking remembers the answers of the world during one call.
type asking struct {
	*Reader
	tenant  string
	held    map[string]bool
	origins map[string]*events.Job // nil for one that is not kept
}

// sources refuses a job whose own files are not there any more.
func (w *asking) sources(ctx context.Context, sources []events.Source) error {
	for _, s := range sources {
		if s.Digest == "" {
			continue
		}
		held, err := w.holds(ctx, s.Digest)
		if err != nil {
			return err
		}
		if !held {
			return fault.New(fault.SubmitUnknownArtifact, s.Digest+", on which the job before worked", nil)
		}
	}
	return nil
}

// files asks the store for the files of a result.
func (w *asking) files(ctx context.Context, files []events.File) (events.ReuseReason, error) {
	for _, f := range files {
		held, err := w.holds(ctx, f.Digest)
		if err != nil {
			return "", err
		}
		if !held {
			return events.ReuseFilesGone, nil
		}
	}
	return "", nil
}

// holds asks the store for a content, once.
func (w *asking) holds(ctx context.Context, digest string) (bool, error) {
	held, known := w.held[digest]
	if known {
		return held, nil
	}
	_, err := w.Artifacts.Stat(ctx, digest)
	if err != nil && !fault.Has(err, fault.ArtifactNotFound) {
		return false, err
	}
	w.held[digest] = err == nil
	return err == nil, nil
}

// origin asks the job that did the work whether it still stands by it.
func (w *asking) origin(ctx context.Context, job, step string) (events.ReuseReason, error) {
	j, known := w.origins[job]
	if !known {
		rec, err := w.record(ctx, w.tenant, job)
		if err != nil && !fault.Has(err, fault.JobNotFound) {
			return "", err
		}
		if err == nil {
			j = &rec.Job
		}
		w.origins[job] = j
	}
	switch {
	case j == nil:
		return events.ReuseOriginGone, nil
	case !flow.Stands(*j, step):
		return events.ReuseUndone, nil // it was taken back, or is about to be
	}
	return "", nil
}
