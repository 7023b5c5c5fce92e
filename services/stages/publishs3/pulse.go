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
	forget func() bool // stops waiting for the end of the attempt

	mu    sync.Mutex
	why   error // the cause when the timer fires
	ended bool  // or about to: reading does not help any more
	over  bool  // nobody may read
}

// watch returns a context for a request, and its pulse, which the caller stops. It
// ends so long after ctx has ended; or, when another attempt has taken over, not
// before its limit: nobody waits for this one, and it should know what it leaves.
func watch(ctx context.Context, limit, after time.Duration) (context.Context, *pulse) {
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	p := &pulse{limit: limit, cancel: cancel, why: fault.New(fault.S3Timeout, "", nil)}
	p.timer = time.AfterFunc(limit, p.fire)
	p.forget = context.AfterFunc(ctx, func() {
		p.mu.Lock()
		p.why, p.ended = context.Cause(ctx), true
		p.mu.Unlock()
		if after == 0 || !overtaken(context.Cause(ctx)) {
			p.timer.Reset(after)
		}
	})
	return own, p
}

func (p *pulse) fire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancel(p.why)
}

// stop ends the watch. The bodies of the pulse are not read any more after that,
// though the connection may still want to.
func (p *pulse) stop() {
	p.forget()
	p.mu.Lock()
	p.ended, p.over = true, true
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
	if b.p.over {
		return 0, errEnded
	}
	if !b.p.ended {
		b.p.timer.Reset(b.p.limit)
	}
	return b.r.Read(data)
}

func (b *body) Seek(offset int64, whence int) (int64, error) { return b.r.Seek(offset, whence) }
