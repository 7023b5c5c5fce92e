package checkpoint

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/fault"
)

// wantFailed checks that every call of a chain fails with a code.
func wantFailed(t *testing.T, c *Chain, run *Run, code fault.Code) {
	t.Helper()
	wantFault(t, run.Offer(t.Context(), 1<<40, 0), code)
	wantFault(t, run.Save(t.Context(), 1<<40, 0), code)
	_, err := run.Output(t.Context(), "late", nil)
	wantFault(t, err, code)
	wantFault(t, c.alive(t.Context()), code)
}

// TestOvertaken: whoever is overtaken fails at the next save, and then always.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	slow := r.chain(1)
	old, at := resume(t, slow)
	r.saveIn(old, at)
	run, found := resume(t, r.chain(2))
	same(t, 1, found.N)
	must(t, old.Offer(t.Context(), 1, 0)) // nothing is due: it does not know yet
	at.N = 99
	wantFault(t, old.Save(t.Context(), 99, 0), fault.CheckpointOvertaken)
	wantFailed(t, slow, old, fault.CheckpointOvertaken)
	must(t, run.Save(t.Context(), 2, 0))
	r.wantResume(3, 1, events.Resumed{Checkpoint: 2, Done: 2, Decision: events.DecisionResumed})
}

// TestOvertakenInTheBackground: the save that nobody waits for tells at the next
// offer.
func TestOvertakenInTheBackground(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	slow := r.chain(1)
	old, _ := resume(t, slow)
	resume(t, r.chain(2))
	must(t, old.Offer(t.Context(), rigBytes, 0))
	wantFault(t, old.Save(t.Context(), rigBytes+1, 0), fault.CheckpointOvertaken)
}

func TestFreshButWrong(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.saveTo(1, 1)
	c := r.chain(1)
	run, _ := resume(t, c)
	wantFault(t, run.Save(t.Context(), 1, 0), fault.CheckpointUnexpected)
	wantFailed(t, c, run, fault.CheckpointUnexpected)

	// One that is behind a later attempt is overtaken.
	resume(t, r.chain(2))
	run, _ = resume(t, r.chain(1))
	wantFault(t, run.Save(t.Context(), 1, 0), fault.CheckpointOvertaken)
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	t.Run("at a save", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		c := r.chain(1)
		run, at := resume(t, c)
		r.saveIn(run, at)
		r.memory.Put(rigKey, Closing(rigKey, "compress@1", 1, rigStart))
		wantFault(t, run.Save(t.Context(), 2, 0), fault.JobCancelled)
		wantFailed(t, c, run, fault.JobCancelled)
	})
	t.Run("at the first save", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		run, _ := resume(t, r.chain(1))
		r.memory.Put(rigKey, Closing(rigKey, "compress@1", 1, rigStart))
		wantFault(t, run.Save(t.Context(), 2, 0), fault.JobCancelled)
	})
	t.Run("before the claim", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		r.saveTo(1, 1)
		r.memory.Put(rigKey, Closing(rigKey, "compress@1", 1, rigStart))
		c := r.chain(2)
		_, err := c.Resume(t.Context(), 1, &counter{})
		wantFault(t, err, fault.JobCancelled)
		wantFault(t, c.alive(t.Context()), fault.JobCancelled)
	})
	t.Run("at the claim", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		log := &faultyLog{Log: r.memory, before: func(context.Context, int) error {
			r.memory.Put(rigKey, Closing(rigKey, "compress@1", 1, rigStart))
			return nil
		}}
		_, err := r.chain(2, func(o *Options) { o.Log = log }).Resume(t.Context(), 1, &counter{})
		wantFault(t, err, fault.JobCancelled)
	})
}

// TestLogUnreachable: an attempt goes on while places cannot be saved, and saves
// the next one without a gap in the chain.
func TestLogUnreachable(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var down atomic.Bool
	log := &faultyLog{Log: r.memory}
	log.before = func(context.Context, int) error {
		if down.Load() {
			return errDown
		}
		return nil
	}
	log.reading = func() error { return log.before(nil, 0) }
	c := r.chain(1, func(o *Options) { o.Log = log })
	run, at := resume(t, c)
	r.saveIn(run, at)
	down.Store(true)
	for done := int64(0); done < 20*rigBytes; done += 1_000 {
		at.N++
		must(t, run.Offer(t.Context(), done, 0))
	}
	wantFault(t, run.Save(t.Context(), 20*rigBytes, 0), fault.BusUnreachable)
	same(t, 1, r.newest().Saves)
	down.Store(false)
	r.saveIn(run, at)
	same(t, 2, r.newest().Saves)
	same(t, uint64(2), r.newest().Sequence)
	r.checkLinks()
}

// TestAnswerLost: a record whose answer was lost is found to be stored, and the
// next one is written behind it.
func TestAnswerLost(t *testing.T) {
	t.Parallel()
	for _, fresh := range []bool{true, false} {
		r := newRig(t)
		attempt := 1
		if !fresh {
			r.saveTo(1, 1)
			attempt = 2
		}
		before := len(r.records())
		log := &faultyLog{Log: r.memory, after: func(_ context.Context, n int) error {
			if n == 2 || n == 3 {
				return fault.New(fault.BusTimeout, "", nil)
			}
			return nil
		}}
		run, at := resume(t, r.chain(attempt, func(o *Options) { o.Log = log }))
		for range 4 {
			at.N++
			err := run.Save(t.Context(), int64(at.N), 0)
			if log.appends == 2 || log.appends == 3 {
				wantFault(t, err, fault.BusTimeout)
			} else {
				must(t, err)
			}
		}
		list := r.records()
		same(t, list[len(list)-1].Sequence, uint64(before+log.appends))
		same(t, at.N, list[len(list)-1].Saves)
		r.checkLinks()
	}
}

// TestAnswerLate: a record that was given up is stored while the next one is on
// its way; that one is linked anew.
func TestAnswerLate(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	late := &lateLog{Log: r.memory, delay: 2}
	run, at := resume(t, r.chain(1, func(o *Options) { o.Log = late }))
	r.saveIn(run, at)
	at.N++
	wantFault(t, run.Save(t.Context(), 2, 0), fault.BusTimeout)
	same(t, 1, len(r.records()))
	r.saveIn(run, at)
	same(t, 3, r.newest().Saves)
	same(t, uint64(3), r.newest().Sequence)
	r.checkLinks()
}

// lateLog stores record number delay only when the next one comes.
type lateLog struct {
	Log
	delay, appends int
	held           func()
}

func (l *lateLog) Append(ctx context.Context, k Key, after uint64, data []byte) (uint64, error) {
	l.appends++
	if l.appends == l.delay {
		l.held = func() { _, _ = l.Log.Append(context.Background(), k, after, data) }
		return 0, fault.New(fault.BusTimeout, "", nil)
	}
	if l.held != nil {
		l.held()
		l.held = nil
	}
	return l.Log.Append(ctx, k, after, data)
}

// TestOneCallPerSave: as long as the log answers, a save is one call of it.
func TestOneCallPerSave(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log := &faultyLog{Log: r.memory}
	run, at := resume(t, r.chain(2, func(o *Options) { o.Log = log }))
	same(t, int64(2), log.calls.Load()) // what is kept, and the claim
	for range 3 {
		r.saveIn(run, at)
	}
	same(t, int64(5), log.calls.Load())
}

// TestTakenIsSaved: a place that was taken is saved though the context of the call
// ends.
func TestTakenIsSaved(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	release, stored := make(chan struct{}), make(chan struct{})
	log := &faultyLog{Log: r.memory}
	log.before = func(context.Context, int) error { <-release; return nil }
	log.after = func(context.Context, int) error { close(stored); return nil }
	run, _ := resume(t, r.chain(1, func(o *Options) { o.Log = log }))
	ctx, stop := context.WithCancelCause(t.Context())
	must(t, run.Offer(ctx, rigBytes, 0))
	stop(errKilled)
	wantFault(t, run.Offer(ctx, 2*rigBytes, 0), errKilled.Code)
	close(release)
	<-stored
	same(t, int64(rigBytes), r.newest().Done)
}

// TestSoonAfterAFailure: the place after one that was not saved is a quarter of
// the bytes on, whatever it costs.
func TestSoonAfterAFailure(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log := &faultyLog{Log: r.memory, before: func(_ context.Context, n int) error {
		if n == 1 {
			return errDown
		}
		return nil
	}}
	run, _ := resume(t, r.chain(1, func(o *Options) { o.Log = log }))
	output(t, run, "a", make([]byte, rigChunk-1))
	wantFault(t, run.Save(t.Context(), 100, 0), fault.BusUnreachable)
	must(t, run.Offer(t.Context(), 100, 0))
	must(t, run.Offer(t.Context(), 100+rigBytes/4, 0))
	must(t, run.Save(t.Context(), 101+rigBytes/4, 0))
	same(t, 2, r.newest().Saves)
}

// TestRemoved: an attempt whose chain was removed, with its job, stops.
func TestRemoved(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run, at := resume(t, r.chain(1))
	r.saveIn(run, at)
	r.memory.mu.Lock()
	delete(r.memory.kept, rigKey)
	r.memory.mu.Unlock()
	wantFault(t, run.Save(t.Context(), 2, 0), fault.CheckpointOvertaken)
}

// TestRefusedForNothing: a log that refuses for no reason that can be seen ends
// the attempt, after some tries.
func TestRefusedForNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log := &faultyLog{Log: r.memory, before: func(context.Context, int) error {
		return fault.New(fault.CheckpointOvertaken, "", nil)
	}}
	run, _ := resume(t, r.chain(1, func(o *Options) { o.Log = log }))
	wantFault(t, run.Save(t.Context(), 1, 0), fault.CheckpointOvertaken)
	same(t, writeTries, log.appends)
	log.appends = 0
	_, err := r.chain(2, func(o *Options) { o.Log = log }).Resume(t.Context(), 1, &counter{})
	wantFault(t, err, fault.CheckpointOvertaken)
	same(t, claimTries, log.appends)
}

func TestStateTooLarge(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	text := strings.Repeat("x", maxState-2) // and two quotes
	run, err := r.chain(1).Resume(t.Context(), 1, &text)
	must(t, err)
	must(t, run.Save(t.Context(), 1, 0))
	text += "x"
	wantFault(t, run.Save(t.Context(), 2, 0), fault.CheckpointTooLarge)
	wantFault(t, run.Offer(t.Context(), rigBytes, 0), fault.CheckpointTooLarge)
	text = text[1:]
	must(t, run.Save(t.Context(), 3, 0))
}

// TestConcurrentOffers lets 8 goroutines work on one state.
func TestConcurrentOffers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.chain(1)
	run, at := resume(t, c)
	var mu sync.RWMutex // read by those who offer, written by those who work
	var done atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 200 {
				mu.Lock()
				at.N++
				done.Store(int64(at.N) * 1_000)
				mu.Unlock()
				mu.RLock()
				var err error
				if i == 0 && j%50 == 49 {
					err = run.Save(context.Background(), done.Load(), 0)
				} else {
					err = run.Offer(context.Background(), done.Load(), 0)
				}
				mu.RUnlock()
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	must(t, run.Save(t.Context(), done.Load(), 0))
	same(t, `{"n":1600}`, string(r.newest().State))
	same(t, int64(1_600_000), r.newest().Done)
	if n := r.newest().Saves; n < 1_600_000/rigBytes {
		t.Errorf("%d places saved", n)
	}
	r.checkLinks()
}

func TestClosed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.chain(1)
	run, at := resume(t, c)
	r.saveIn(run, at)
	for range 2 {
		must(t, c.Close())
	}
	wantFailed(t, c, run, fault.InternalBug)
	unused := r.chain(1)
	must(t, unused.Close())
	_, err := unused.Resume(t.Context(), 1, &counter{})
	wantFault(t, err, fault.InternalBug)
}

// TestCloseStopsASave: what is on its way when the attempt ends is given up.
func TestCloseStopsASave(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log, entered := stuckLog(r.memory)
	c := r.chain(1, func(o *Options) { o.Log = log })
	run, _ := resume(t, c)
	must(t, run.Offer(t.Context(), rigBytes, 0))
	<-entered
	must(t, c.Close())
	same(t, 0, len(r.records()))
}

// stuckLog is a log that does not answer, and says when it is asked.
func stuckLog(log Log) (*faultyLog, <-chan struct{}) {
	entered := make(chan struct{}, 100)
	return &faultyLog{Log: log, before: func(ctx context.Context, _ int) error {
		entered <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}, entered
}

// TestDraining: an attempt that offers once more while its worker drains has that
// place saved, and is told why it must end.
func TestDraining(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(*Run, context.Context) error{
		"offer": func(run *Run, ctx context.Context) error { return run.Offer(ctx, 7, 9) },
		"save":  func(run *Run, ctx context.Context) error { return run.Save(ctx, 7, 9) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			run, at := resume(t, r.chain(1))
			at.N = 7
			ctx, stop := context.WithCancelCause(t.Context())
			stop(fault.New(fault.StageDraining, "", nil))
			wantFault(t, call(run, ctx), fault.StageDraining)
			r.wantResume(2, 7, events.Resumed{Checkpoint: 1, Done: 7, Total: 9, Percent: 77, Decision: events.DecisionResumed})
		})
	}
}

// TestEndedContext: an attempt that is to end for another reason saves nothing.
func TestEndedContext(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run, _ := resume(t, r.chain(1))
	ctx, cancel := context.WithTimeoutCause(t.Context(), 0, fault.New(fault.StageTimeout, "", nil))
	defer cancel()
	wantFault(t, run.Offer(ctx, rigBytes, 0), fault.StageTimeout)
	wantFault(t, run.Save(ctx, rigBytes, 0), fault.StageTimeout)
	same(t, 0, len(r.records()))
}

// TestAlive covers attempts that have not resumed, as those that only make
// effects.
func TestAlive(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	must(t, r.chain(1).alive(t.Context()))
	must(t, r.chain(2, func(o *Options) { o.Log = nil }).alive(t.Context()))
	c := r.chain(1)
	run, at := resume(t, c)
	must(t, c.alive(t.Context()))
	r.saveIn(run, at)
	must(t, c.alive(t.Context()))
	must(t, r.chain(2).alive(t.Context()))
	wantFault(t, r.chain(1).alive(t.Context()), fault.CheckpointUnexpected)
	resume(t, r.chain(3))
	wantFault(t, c.alive(t.Context()), fault.CheckpointOvertaken)
	wantFailed(t, c, run, fault.CheckpointOvertaken)
	wantFault(t, r.chain(2).alive(t.Context()), fault.CheckpointOvertaken)
	must(t, r.chain(3).alive(t.Context()))

	down := &faultyLog{Log: r.memory, reading: func() error { return errDown }}
	c = r.chain(3, func(o *Options) { o.Log = down })
	wantFault(t, c.alive(t.Context()), fault.BusUnreachable)
	down.reading = nil
	must(t, c.alive(t.Context()))

	r.memory.Put(rigKey, Closing(rigKey, "compress@1", 1, rigStart))
	wantFault(t, c.alive(t.Context()), fault.JobCancelled)
	must(t, r.chain(1, func(o *Options) { o.Undo = true }).alive(t.Context()))
}

// TestAliveWhileSaving: a record that is on its way, and is stored, is the
// attempt's own.
func TestAliveWhileSaving(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log := &faultyLog{Log: r.memory}
	c := r.chain(1, func(o *Options) { o.Log = log })
	asked := errors.New("not asked")
	log.after = func(ctx context.Context, _ int) error {
		asked = c.alive(ctx)
		return nil
	}
	run, at := resume(t, c)
	r.saveIn(run, at)
	must(t, asked)
	r.saveIn(run, at)
	must(t, asked)
	r.checkLinks()
}

// TestEvery saves a place when time has passed, if anything was done.
func TestEvery(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	now := rigStart
	c := r.chain(1, func(o *Options) {
		o.Every, o.Now = 10*time.Second, func() time.Time { return now }
	})
	run, _ := resume(t, c)
	offer := func(done int64, places int) {
		t.Helper()
		must(t, run.Offer(t.Context(), done, 0))
		run.mu.Lock()
		for run.flight != nil {
			must(t, run.await(t.Context()))
		}
		run.mu.Unlock()
		same(t, places, len(r.records()))
	}
	offer(10, 0)
	now = now.Add(9999 * time.Millisecond)
	offer(20, 0)
	now = now.Add(time.Millisecond)
	offer(30, 1)
	now = now.Add(time.Minute)
	offer(30, 1) // nothing was done
	offer(31, 2)
}

// TestOfferIsCheap: an offer that is not taken allocates nothing.
func TestOfferIsCheap(t *testing.T) {
	r := newRig(t)
	c := r.chain(1, func(o *Options) { o.Now = time.Now })
	run, _ := resume(t, c)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if err := run.Offer(ctx, 1, 2); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestFreshAndOvertaken: somebody who has written since a fresh attempt began has
// taken it over.
func TestFreshAndOvertaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	run, _ := resume(t, r.chain(1))
	resume(t, r.chain(1, func(o *Options) {
		o.Fresh, o.Now = false, func() time.Time { return rigStart.Add(time.Second) }
	}))
	wantFault(t, run.Save(t.Context(), 1, 0), fault.CheckpointOvertaken)
}

// TestEndedLog: an error of a log whose context has ended is why that has.
func TestEndedLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log, _ := stuckLog(r.memory)
	ctx, stop := context.WithCancelCause(t.Context())
	log.reading = func() error {
		stop(fault.New(fault.StageDraining, "", nil))
		return context.Canceled
	}
	_, err := r.chain(2, func(o *Options) { o.Log = log }).Resume(ctx, 1, &counter{})
	wantFault(t, err, fault.StageDraining)
	log.reading = nil
	_, err = r.chain(2, func(o *Options) { o.Log = log }).Resume(ctx, 1, &counter{})
	wantFault(t, err, fault.StageDraining)

	// A save that Close ends fails as every call does from then on.
	log, entered := stuckLog(r.memory)
	c := r.chain(1, func(o *Options) { o.Log = log })
	run, _ := resume(t, c)
	saved := make(chan error)
	go func() { saved <- run.Save(context.Background(), 1, 0) }()
	<-entered
	must(t, c.Close())
	wantFault(t, <-saved, fault.InternalBug)
}
