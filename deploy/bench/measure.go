package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// stall is how long nothing may end before a run is given up.
const stall = 60 * time.Second

// tracker waits for jobs to end.
type tracker struct {
	mu      sync.Mutex
	ended   map[int]time.Time
	waiting map[int]chan struct{}
	free    chan struct{} // one token per job that may be in flight
}

func newTracker(inFlight int) *tracker {
	t := &tracker{ended: map[int]time.Time{}, waiting: map[int]chan struct{}{}, free: make(chan struct{}, inFlight)}
	for range inFlight {
		t.free <- struct{}{}
	}
	return t
}

// done notes that a job ended. A second call for the same job is ignored.
func (t *tracker) done(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, again := t.ended[n]; again {
		return
	}
	t.ended[n] = time.Now()
	if c, ok := t.waiting[n]; ok {
		close(c)
	}
	select {
	case t.free <- struct{}{}:
	default:
	}
}

func (t *tracker) await(ctx context.Context, n int) (time.Time, error) {
	t.mu.Lock()
	at, ok := t.ended[n]
	c := make(chan struct{})
	if !ok {
		t.waiting[n] = c
	}
	t.mu.Unlock()
	if ok {
		return at, nil
	}
	select {
	case <-c:
	case <-ctx.Done():
		return at, ctx.Err()
	case <-time.After(stall):
		return at, fmt.Errorf("job %d did not end within %s", n, stall)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended[n], nil
}

// measure runs one contender: a warm-up, single jobs, and many at once.
func measure(ctx context.Context, o opener, s settings, l load) (r result, err error) {
	dir, err := os.MkdirTemp("", "millrace-bench-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t := newTracker(l.inFlight)
	c, err := o.open(ctx, s, dir, t.done)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.close()) }()

	warm := min(200, l.jobs)
	if _, err := single(ctx, c, t, 0, warm); err != nil {
		return r, err
	}
	lat, err := single(ctx, c, t, warm, l.single)
	if err != nil {
		return r, err
	}
	slices.Sort(lat)
	r.p50, r.p99 = lat[len(lat)/2], lat[len(lat)*99/100]

	already, err := c.stored(ctx)
	if err != nil {
		return r, err
	}
	before := cpuTime()
	begin := time.Now()
	if err := saturate(ctx, c, t, warm+l.single, l.jobs); err != nil {
		return r, err
	}
	r.rate = float64(l.jobs) / time.Since(begin).Seconds()
	r.cpu = (cpuTime() - before) / time.Duration(l.jobs)
	n, err := c.stored(ctx)
	r.stored = float64(n-already) / float64(l.jobs)
	return r, err
}

// single runs n jobs, one after the other, and returns how long each took.
func single(ctx context.Context, c contender, t *tracker, from, n int) ([]time.Duration, error) {
	lat := make([]time.Duration, 0, n)
	for i := from; i < from+n; i++ {
		begin := time.Now()
		if err := c.start(ctx, i); err != nil {
			return nil, err
		}
		end, err := t.await(ctx, i)
		if err != nil {
			return nil, err
		}
		lat = append(lat, end.Sub(begin))
	}
	return lat, nil
}

// saturate runs n jobs with as many in flight as the tracker has tokens.
func saturate(ctx context.Context, c contender, t *tracker, from, n int) error {
	for len(t.free) > 0 {
		<-t.free
	}
	for range cap(t.free) {
		t.free <- struct{}{}
	}
	for i := from; i < from+n; i++ {
		select {
		case <-t.free:
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(stall):
			return fmt.Errorf("nothing ended within %s; %d of %d started", stall, i-from, n)
		}
		if err := c.start(ctx, i); err != nil {
			return err
		}
	}
	for i := from; i < from+n; i++ {
		if _, err := t.await(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// cpuTime is the processor time of this process so far. With the broker in
// another process, that one's time is not in it.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
