package stagetest

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// testCancel interrupts a task at random places, and then lets it finish.
func (k *Kit) testCancel(t *testing.T, c Case) {
	wire := &tripwire{Store: memstore.New()}
	s := artifact.New(wire, nil)
	t.Cleanup(func() { _ = s.Close() })
	rnd := rand.New(rand.NewPCG(k.Seed, 0))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", k.Seed)
		}
	})
	task := newTask(t, c, s, c.Name)
	wire.done.Store(0)
	want, err := k.attempt(t, c, task)
	total := wire.done.Load()
	if c.Fault == "" && err != nil {
		t.Fatal(err)
	}
	for i := range k.Cancels {
		cut := newTask(t, c, s, c.Name+"-cut-"+string(rune('a'+i)))
		if c.Prepare != nil {
			c.Prepare(t, cut)
		}
		at := int64(-1) // before it begins
		if i > 0 {
			at = rnd.Int64N(total + 1)
		}
		if !k.interrupt(t, wire, cut, at) {
			t.Logf("cut at byte %d of %d", at, total)
			return
		}
		got, err := k.attempt(t, c, again(t, cut))
		if c.Fault != "" {
			k.checkFault(t, c.Fault, err)
			continue
		}
		if err != nil {
			t.Fatalf("after a cut at byte %d of %d: %v", at, total, err)
		}
		if diff := cmp.Diff(want.Files, got.Files); diff != "" {
			t.Fatalf("after a cut at byte %d of %d: %s", at, total, diff)
		}
	}
}

// interrupt runs the task and ends its context when the store has moved so many
// bytes, or a moment later when it never does.
func (k *Kit) interrupt(t *testing.T, wire *tripwire, task *stage.Task, at int64) bool {
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	var cutAt atomic.Int64
	cut := func() {
		cutAt.CompareAndSwap(0, time.Now().UnixNano())
		stop(fault.New(fault.StageDraining, "", nil))
	}
	wire.arm(at, cut)
	defer wire.arm(0, nil)
	if at < 0 {
		cut()
	}
	late := time.AfterFunc(200*time.Millisecond, cut)
	defer late.Stop()
	done := make(chan error, 1)
	go func() {
		_, err := k.run(ctx, task)
		done <- err
	}()
	return k.await(t, ctx, done, &cutAt)
}

// await waits for a run that was, or will be, told to stop.
func (k *Kit) await(t *testing.T, ctx context.Context, done <-chan error, cutAt *atomic.Int64) bool {
	t.Helper()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(k.Grace):
			since := time.Since(time.Unix(0, cutAt.Load()))
			t.Errorf("still running %v after it was told to stop", since.Round(time.Millisecond))
			<-done
			return false
		}
	}
	var f *fault.Error
	if err != nil && ctx.Err() == nil && !errors.As(err, &f) {
		t.Errorf("failed without a fault: %v", err)
	}
	return true
}

// tripwire calls back when a number of bytes has gone through the driver.
type tripwire struct {
	driver.Store
	done atomic.Int64
	wire atomic.Pointer[wire]
}

type wire struct {
	at  int64
	cut func()
}

func (w *tripwire) arm(at int64, cut func()) {
	w.wire.Store(nil)
	w.done.Store(0)
	if cut != nil {
		w.wire.Store(&wire{at, cut})
	}
}

func (w *tripwire) count(n int) {
	done := w.done.Add(int64(n))
	if x := w.wire.Load(); x != nil && x.at >= 0 && done >= x.at {
		x.cut()
	}
}

// Create counts what is written.
func (w *tripwire) Create(ctx context.Context) (driver.Blob, error) {
	w.count(0)
	b, err := w.Store.Create(ctx)
	if err != nil {
		return nil, err
	}
	return &countedBlob{b, w}, nil
}

type countedBlob struct {
	driver.Blob
	w *tripwire
}

// Write counts.
func (b *countedBlob) Write(p []byte) (int, error) {
	b.w.count(len(p))
	return b.Blob.Write(p)
}

// Read counts what is read.
func (w *tripwire) Read(
	ctx context.Context, name string, offset, size int64,
) (io.ReadCloser, int64, error) {
	w.count(0)
	r, n, err := w.Store.Read(ctx, name, offset, size)
	if err != nil {
		return nil, 0, err
	}
	return &countedReader{r, w}, n, nil
}

type countedReader struct {
	io.ReadCloser
	w *tripwire
}

// Read counts.
func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.w.count(n)
	return n, err
}
