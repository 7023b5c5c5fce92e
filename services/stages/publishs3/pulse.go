package publishs3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// pulse watches a request: it ends its context when nothing was sent for too long.
type pulse struct {
	limit  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	ended bool
}

// watch returns a context for a request, and its pulse, which the caller stops.
func watch(ctx context.Context, limit time.Duration) (context.Context, *pulse) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &pulse{limit: limit, cancel: cancel}
	p.timer = time.AfterFunc(limit, func() { cancel(fault.New(fault.S3Timeout, "", nil)) })
	return ctx, p
}

// stop ends the watch. The bodies of the pulse are not read any more after that,
// though the connection may still want to.
func (p *pulse) stop() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.timer.Stop()
	p.cancel(nil)
}

// body returns data as the body of a request.
func (p *pulse) body(data []byte) io.ReadSeeker { return &body{p: p, r: bytes.NewReader(data)} }

type body struct {
	p *pulse
	r *bytes.Reader
}

var errEnded = errors.New("the request has ended")

func (b *body) Read(data []byte) (int, error) {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	if b.p.ended {
		return 0, errEnded
	}
	b.p.timer.Reset(b.p.limit)
	return b.r.Read(data)
}

func (b *body) Seek(offset int64, whence int) (int64, error) { return b.r.Seek(offset, whence) }
