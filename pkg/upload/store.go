package upload

import (
	"context"
	"errors"
	"io"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/millrace/millrace/pkg/fault"
)

// dataStore is where the protocol's handler finds uploads.
type dataStore struct{ s *Service }

// upload is one upload during one request.
type upload struct {
	s   *Service
	q   *request
	id  string
	rec *record
	rev uint64
	// out is what became of it; then there is no record.
	out *outcome
}

// NewUpload begins the upload that the request asks for.
func (d dataStore) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	ctx, stop := lasting(ctx)
	defer stop()
	q, now := requestOf(ctx), d.s.now()
	u := &upload{s: d.s, q: q, id: newID(), rec: &record{
		Size: info.Size, Plan: q.plan, Metadata: q.metadata, Saved: now, Expires: now.Add(d.s.Expiry),
	}}
	if info.SizeIsDeferred {
		u.rec.Size = -1
	}
	if u.rec.Plan.Pipeline != "" && u.rec.Plan.Job.Key == "" {
		u.rec.Plan.Job.Key = keyOf(q.tenant, u.id)
	}
	var err error
	if u.rev, err = d.s.ledger.begin(ctx, q.tenant, u.id, u.rec); err != nil {
		return nil, q.note(err)
	}
	q.upload = u
	return u, nil
}

// GetUpload finds an upload of the request's tenant. One that is complete is settled
// before anything else.
func (d dataStore) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	ctx, stop := lasting(ctx)
	defer stop()
	q := requestOf(ctx)
	u, err := d.s.find(ctx, q, id)
	if err != nil {
		return nil, q.note(err)
	}
	q.upload = u
	return u, nil
}

func (s *Service) find(ctx context.Context, q *request, id string) (*upload, error) {
	if !idForm.MatchString(id) {
		return nil, fault.New(fault.UploadNotFound, "", nil)
	}
	u := &upload{s: s, q: q, id: id}
	var err error
	if u.rec, u.rev, u.out, err = s.ledger.find(ctx, q.tenant, id); err != nil {
		return nil, err
	}
	switch {
	case u.out != nil:
	case u.rec.expired(s.now()):
		err = u.end(ctx, &outcome{State: expired})
	case u.rec.full():
		err = u.settle(ctx)
	}
	if err == nil && u.out != nil {
		err = u.out.fault()
	}
	return u, err
}

// AsTerminatableUpload and the like tell the handler what the store can do.
func (d dataStore) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload {
	return u.(*upload)
}

// AsLengthDeclarableUpload is for uploads that begin before their size is known.
func (d dataStore) AsLengthDeclarableUpload(u handler.Upload) handler.LengthDeclarableUpload {
	return u.(*upload)
}

// GetInfo tells the handler how far the upload is.
func (u *upload) GetInfo(context.Context) (handler.FileInfo, error) {
	if u.out != nil {
		return handler.FileInfo{ID: u.id, Size: u.out.Size, Offset: u.out.Size}, nil
	}
	info := handler.FileInfo{ID: u.id, Size: u.rec.Size, Offset: u.rec.Offset}
	if info.Size < 0 {
		info.Size, info.SizeIsDeferred = 0, true
	}
	return info, nil
}

// DeclareLength says how long the upload will be.
func (u *upload) DeclareLength(ctx context.Context, length int64) error {
	ctx, stop := lasting(ctx)
	defer stop()
	u.rec.Size = length
	return u.q.note(u.save(ctx))
}

// Terminate forgets the upload. Its chunks go with the next sweep of the store.
func (u *upload) Terminate(ctx context.Context) error {
	ctx, stop := lasting(ctx)
	defer stop()
	return u.q.note(u.end(ctx, &outcome{State: terminated}))
}

// FinishUpload makes the job.
func (u *upload) FinishUpload(ctx context.Context) error {
	ctx, stop := lasting(ctx)
	defer stop()
	if u.q.err != nil {
		return u.q.err
	}
	if u.out == nil {
		if err := u.settle(ctx); err != nil {
			return u.q.note(err)
		}
	}
	return u.q.note(u.out.fault())
}

// GetReader is for downloads, which there are none of.
func (u *upload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, errors.ErrUnsupported
}

// save stores how far the upload is.
func (u *upload) save(ctx context.Context) error {
	next := *u.rec
	next.Saved = u.s.now()
	next.Expires = next.Saved.Add(u.s.Expiry)
	rev, err := u.s.ledger.save(ctx, u.q.tenant, u.id, &next, u.rev)
	if err != nil {
		return err
	}
	*u.rec, u.rev = next, rev
	return nil
}

// end stores what became of the upload.
func (u *upload) end(ctx context.Context, o *outcome) error {
	if u.rec != nil {
		o.Metadata = u.rec.Metadata
	}
	if err := u.s.ledger.end(ctx, u.q.tenant, u.id, o); err != nil {
		return err
	}
	u.rec, u.out = nil, o
	return nil
}
