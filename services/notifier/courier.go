package notifier

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/endpoints"
	"github.com/millrace/millrace/pkg/webhook"
)

// courier runs the lanes of one endpoint.
type courier struct {
	*Notifier
	cancel context.CancelCauseFunc
	done   chan struct{}
	latest chan *webhook.Endpoint
}

// newCourier starts a courier, which ends with its cancel, or with an update to nil.
func (n *Notifier) newCourier(ctx context.Context) *courier {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	c := &courier{
		Notifier: n, cancel: cancel, done: make(chan struct{}), latest: make(chan *webhook.Endpoint, 1),
	}
	go func() {
		defer close(c.done)
		defer cancel(nil)
		c.run(ctx)
	}()
	return c
}

// update tells the courier what the endpoint is now. What it has not looked at yet is
// replaced. It is called by one goroutine.
func (c *courier) update(e *webhook.Endpoint) {
	select {
	case <-c.latest:
	default:
	}
	c.latest <- e
}

// run starts and stops lanes as the endpoint changes.
func (c *courier) run(ctx context.Context) {
	var e *webhook.Endpoint
	var lanes *lanes
	defer func() { lanes.stop(context.Cause(ctx)) }()
	for {
		select {
		case now := <-c.latest:
			if now == nil {
				return
			}
			if e == nil || !sameSettings(e, now) {
				lanes.stop(errChanged)
				lanes = c.newLanes(ctx)
			}
			if e = now; e.Enabled {
				lanes.start(e)
			}
		case <-ctx.Done():
			return
		}
	}
}

// sameSettings reports whether lanes can go on as they are.
func sameSettings(a, b *webhook.Endpoint) bool {
	return a.Enabled == b.Enabled && a.Since == b.Since && reflect.DeepEqual(a.Settings, b.Settings) &&
		reflect.DeepEqual(a.Secrets, b.Secrets)
}

// lanes are those of an endpoint that did not change but for its replays.
type lanes struct {
	*Notifier
	ctx     context.Context
	cancel  context.CancelCauseFunc
	running map[string]bool // also those that have ended
	wg      sync.WaitGroup
}

func (n *Notifier) newLanes(ctx context.Context) *lanes {
	l := &lanes{Notifier: n, running: make(map[string]bool)}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	return l
}

// start starts the lanes that do not run.
func (s *lanes) start(e *webhook.Endpoint) {
	s.one(e, endpoints.MainLane, nil)
	for i := range e.Replays {
		s.one(e, e.Replays[i].ID, &e.Replays[i])
	}
}

func (s *lanes) one(e *webhook.Endpoint, name string, r *api.Replay) {
	if s.running[name] {
		return
	}
	s.running[name] = true
	s.wg.Go(func() { s.supervise(e, r) })
}

// supervise runs a lane, again after trouble.
func (s *lanes) supervise(e *webhook.Endpoint, r *api.Replay) {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		began := time.Now()
		l := s.newLane(e, r)
		err := l.run(s.ctx)
		if s.ctx.Err() != nil || errors.Is(err, errDone) || errors.Is(err, errStopped) {
			return
		}
		l.log.Warn("a webhook endpoint begins again at its place", "error", err)
		if time.Since(began) > longPause {
			pause = firstPause
		}
		rest(s.ctx, pause)
	}
}

// stop ends the lanes and waits for them. It may be called for none.
func (s *lanes) stop(why error) {
	if s == nil {
		return
	}
	s.cancel(why)
	s.wg.Wait()
}
