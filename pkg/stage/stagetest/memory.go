package stagetest

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
)

// testMemory runs a task on more bytes than it may have memory, with checkpoints.
func (k *Kit) testMemory(t *testing.T) {
	d, err := fsstore.New(t.TempDir(), &fsstore.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	s := artifact.New(d, nil)
	t.Cleanup(func() { _ = s.Close() })
	size := 2 * k.MaxHeap
	if testing.Short() {
		size = k.MaxHeap + k.MaxHeap/4 // a stage that holds all of it is still noticed
	}
	c := k.Large(Content{Name: "large", Size: size})
	task := newJob(t, c, s, "large").of(k.Stage.Spec()).Attempt()
	if c.Prepare != nil {
		c.Prepare(t, task)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	runtime.GC()
	runtime.GC() // what pools keep goes with the second
	before := heap()
	stop, peak := make(chan struct{}), make(chan int64)
	go watchHeap(stop, peak)
	_, err = k.run(t.Context(), task)
	close(stop)
	grown := <-peak - before
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the heap grew by %d KiB for %d MiB", grown>>10, size>>20)
	if grown > k.MaxHeap {
		t.Errorf("the heap grew by %d MiB, at most %d are allowed", grown>>20, k.MaxHeap>>20)
	}
}

// watchHeap sends the largest size of the heap that it sees before stop.
func watchHeap(stop <-chan struct{}, peak chan<- int64) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	most := int64(0)
	for {
		select {
		case <-stop:
			peak <- most
			return
		case <-tick.C:
			most = max(most, heap())
		}
	}
}

// heap returns the bytes of the objects on the heap, dead ones included.
func heap() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}
