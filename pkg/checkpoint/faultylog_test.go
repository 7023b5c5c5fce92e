package checkpoint

import (
	"context"
	"sync"
	"sync/atomic"
)

// faultyLog is a log that does what a test wants. Its hooks are called before
// and after each call.
type faultyLog struct {
	Log
	calls atomic.Int64 // of all methods
	// before is called before record n, counted from 1, is stored; its error is
	// the answer and nothing is stored. after is called when it is stored; its
	// error is the answer all the same.
	before, after func(ctx context.Context, n int) error
	// reading is called before the log is read.
	reading func() error

	mu      sync.Mutex
	appends int
}

func (l *faultyLog) Append(ctx context.Context, k Key, after uint64, data []byte) (uint64, error) {
	l.calls.Add(1)
	l.mu.Lock()
	l.appends++
	n := l.appends
	l.mu.Unlock()
	if l.before != nil {
		if err := l.before(ctx, n); err != nil {
			return 0, err
		}
	}
	at, err := l.Log.Append(ctx, k, after, data)
	if err == nil && l.after != nil {
		if err := l.after(ctx, n); err != nil {
			return 0, err
		}
	}
	return at, err
}

func (l *faultyLog) Last(ctx context.Context, k Key) (Entry, error) {
	l.calls.Add(1)
	if l.reading != nil {
		if err := l.reading(); err != nil {
			return Entry{}, err
		}
	}
	return l.Log.Last(ctx, k)
}

func (l *faultyLog) Kept(ctx context.Context, k Key) ([]Entry, error) {
	l.calls.Add(1)
	if l.reading != nil {
		if err := l.reading(); err != nil {
			return nil, err
		}
	}
	return l.Log.Kept(ctx, k)
}

// killer stops an attempt at one of its records, before or after that is stored.
type killer struct {
	log  faultyLog
	dead atomic.Bool
	stop context.CancelCauseFunc
}

// newKiller returns a context that ends, and a log that answers nothing more,
// when record number at is written.
func newKiller(ctx context.Context, log Log, at int, stored bool) (context.Context, *killer) {
	k := &killer{log: faultyLog{Log: log}}
	ctx, k.stop = context.WithCancelCause(ctx)
	kill := func(_ context.Context, n int) error {
		if n == at {
			k.dead.Store(true)
			k.stop(errKilled)
		}
		return k.alive()
	}
	k.log.before = func(ctx context.Context, n int) error {
		if stored && n == at {
			return nil
		}
		return kill(ctx, n)
	}
	k.log.after = kill
	k.log.reading = k.alive
	return ctx, k
}

func (k *killer) alive() error {
	if k.dead.Load() {
		return errKilled
	}
	return nil
}
