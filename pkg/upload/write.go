package upload

import (
	"context"
	"io"
	"time"

	"github.com/millrace/millrace/pkg/artifact"
)

// lastWords is how long the store may take to keep what has arrived, after the
// client has gone.
const lastWords = time.Minute

// lasting returns a context for what must be done whether the client waits or not.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), lastWords)
}

// WriteChunk appends what src yields. It returns how much of it is durable; the
// handler has seen to it that the offset is that of the upload.
func (u *upload) WriteChunk(ctx context.Context, _ int64, src io.Reader) (int64, error) {
	// A body may take hours. It ends when the client goes.
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if u.rec == nil {
		return 0, nil // it has ended
	}
	from := u.rec.Offset
	err := u.write(ctx, src)
	return u.rec.Offset - from, u.q.note(err)
}

func (u *upload) write(ctx context.Context, src io.Reader) error {
	w, err := u.s.writer(ctx, u.rec)
	if err != nil {
		return err
	}
	defer w.Abort()
	if u.q.sum == nil {
		if err := u.stream(ctx, w, src); err != nil {
			return err
		}
		return u.keep(ctx, w)
	}
	n, err := io.Copy(w, io.TeeReader(src, u.q.sum.hash))
	switch {
	case err != nil:
		return err
	case u.q.body != nil || u.q.length >= 0 && n < u.q.length:
		return interrupted(u.q.body)
	}
	if err := u.q.sum.check(); err != nil {
		return err
	}
	return u.keep(ctx, w)
}

// stream copies, and saves on the way: at the end of each interval the place is
// noted, and that of the interval before, which is durable by now, is saved.
func (u *upload) stream(ctx context.Context, w *artifact.Writer, src io.Reader) error {
	var mark *artifact.Mark
	var at int64
	for {
		_, err := io.CopyN(w, src, u.s.Interval-w.Size()%u.s.Interval)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if mark != nil {
			if err := u.saveMark(ctx, mark, at); err != nil {
				return err
			}
		}
		mark, at = w.Mark(), w.Size()
	}
}

// keep makes everything durable that was written: as content, when that is all.
func (u *upload) keep(ctx context.Context, w *artifact.Writer) error {
	switch {
	case w.Size() == u.rec.Size:
		return u.commit(ctx, w)
	case w.Size() == u.rec.Offset:
		return nil
	}
	return u.saveMark(ctx, w.Mark(), w.Size())
}

// commit makes content of what was written.
func (u *upload) commit(ctx context.Context, w *artifact.Writer) error {
	f, err := w.Commit()
	if err != nil {
		return err
	}
	before := *u.rec
	u.rec.Offset, u.rec.State, u.rec.File = f.Size, nil, &f
	if err := u.save(ctx); err != nil {
		*u.rec = before
		return err
	}
	return nil
}

// saveMark saves a place when it is durable.
func (u *upload) saveMark(ctx context.Context, m *artifact.Mark, at int64) error {
	st, err := m.Wait(ctx)
	if err != nil {
		return err
	}
	before := *u.rec
	u.rec.Offset, u.rec.State = at, st
	if err := u.save(ctx); err != nil {
		*u.rec = before
		return err
	}
	return nil
}
