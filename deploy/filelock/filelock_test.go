package filelock_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/millrace/millrace/deploy/filelock"
)

// TestOneAtATime has many come at once, through files of their own, as processes do.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	inside, most := make(chan struct{}, 1), 0
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			unlock, err := filelock.Lock(path)
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			select {
			case inside <- struct{}{}:
				most++
				<-inside
			default:
				t.Error("somebody else is inside")
			}
		})
	}
	all.Wait()
	if most != 50 {
		t.Errorf("%d of 50 came in", most)
	}
	if _, err := filelock.Lock(filepath.Join(path, "below")); err == nil {
		t.Error("a file that cannot be made is locked")
	}
}
