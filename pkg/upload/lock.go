package upload

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// Who waits for an upload asks its holder again and again to let go, for so long.
const (
	lockPatience = 5 * time.Second
	lockAgain    = 20 * time.Millisecond
	// drain is how long a request may go on that still finds bytes: those of a
	// connection that has broken are worth having.
	drain = time.Second
)

// locks let one request of this process at a time have an upload. Other processes
// are told apart by the revisions in the bucket. Whoever comes later is right: a
// client that asks has given up on the request before, which the server may take to
// be alive for long.
type locks struct {
	mu   sync.Mutex
	held map[string]*lock
}

// lock is an upload in the hands of a request.
type lock struct {
	let  func() // makes the holder let go; it is called with the mutex held
	free chan struct{}
}

// take waits until the upload is free. let is called, perhaps often, when another
// request wants it, but not after the release. Fault: upload.locked.
func (l *locks) take(ctx context.Context, id string, let func()) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		k, other := l.try(id, let)
		if k != nil {
			return func() { l.release(id, k) }, nil
		}
		select {
		case <-other.free:
		case <-time.After(lockAgain):
		case <-ctx.Done():
			return nil, fault.New(fault.UploadLocked, "", nil)
		}
	}
}

// try takes the lock, or asks its holder to let go.
func (l *locks) try(id string, let func()) (mine, other *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if other = l.held[id]; other != nil {
		other.let()
		return nil, other
	}
	mine = &lock{let: let, free: make(chan struct{})}
	l.held[id] = mine
	return mine, nil
}

func (l *locks) release(id string, k *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, id)
	close(k.free)
}

// hold takes the upload of a request, and ends its body when another one wants it.
func (s *Service) hold(w http.ResponseWriter, r *http.Request, q *request, id string) (release func(), err error) {
	if id == "" {
		return func() {}, nil // nobody knows the id yet
	}
	rc := http.NewResponseController(w)
	var first time.Time
	seen := int64(-1)
	return s.locks.take(r.Context(), q.tenant+"."+id, func() {
		if first.IsZero() {
			first = time.Now()
		}
		if got := q.got.Load(); got != seen && time.Since(first) < drain {
			seen = got
			return
		}
		q.stopped.Store(true)
		// Without a reader it would be the server that finds the deadline, and that
		// takes the connection for dead.
		if q.reading.Load() {
			_ = rc.SetReadDeadline(time.Now()) // where there is none, the next read will do
		}
	})
}
