package drivertest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

// testWritersOfOneName: whoever writes the same content at once succeeds, and
// whoever reads meanwhile gets all of it or nothing.
func testWritersOfOneName(t *testing.T, s driver.Store) {
	for round := range 5 {
		content := Content(200_000, round)
		name := Name(content)
		var writers, readers sync.WaitGroup
		written := make(chan struct{})
		for range 8 {
			writers.Go(func() {
				if err := write(t.Context(), s, name, content); err != nil {
					t.Errorf("write: %v", err)
				}
			})
		}
		for range 2 {
			readers.Go(func() { readUntil(t, s, name, content, written) })
		}
		writers.Wait()
		close(written)
		readers.Wait()
		wantContent(t, s, name, content)
	}
	if found := names(t, s, ""); len(found) != 5 {
		t.Fatalf("the store lists %v", found)
	}
}

// readUntil reads name until done is closed.
func readUntil(t *testing.T, s driver.Store, name string, content []byte, done <-chan struct{}) {
	for {
		b, _, err := read(t.Context(), s, name, 0, -1)
		if err != nil && s.Classify(err) != fault.ArtifactNotFound {
			t.Errorf("read: %v", err)
		}
		if err == nil && !bytes.Equal(b, content) {
			t.Errorf("read %d of %d bytes", len(b), len(content))
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// testWritersAndDeleters: a writer succeeds whoever deletes meanwhile, and what
// was written last is there.
func testWritersAndDeleters(t *testing.T, s driver.Store) {
	content := Content(10_000, 1)
	name := Name(content)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 20 {
				if err := write(t.Context(), s, name, content); err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
		all.Go(func() {
			before := time.Time{}
			if i%2 == 1 {
				before = time.Now().Add(time.Hour)
			}
			for range 20 {
				if err := s.Delete(t.Context(), name, before); err != nil {
					t.Errorf("delete: %v", err)
				}
			}
		})
	}
	all.Wait()
	mustWrite(t, s, name, content)
	wantContent(t, s, name, content)
	if found := names(t, s, ""); len(found) != 1 {
		t.Fatalf("the store lists %v", found)
	}
}

func testWritersOfManyNames(t *testing.T, s driver.Store) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 10 {
				content := Content(1000+j, i*100+j)
				name := fmt.Sprintf("c/%d/%d-%d", j%3, i, j)
				if err := write(t.Context(), s, name, content); err != nil {
					t.Errorf("write %s: %v", name, err)
					return
				}
				b, _, err := read(t.Context(), s, name, 0, -1)
				if err != nil || !bytes.Equal(b, content) {
					t.Errorf("read %s: %d bytes, %v", name, len(b), err)
				}
			}
		})
	}
	all.Wait()
	if found := names(t, s, "c/"); len(found) != 80 {
		t.Fatalf("the store lists %d blobs, want 80", len(found))
	}
}
