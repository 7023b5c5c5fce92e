package memstore_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/memstore"
	"github.com/millrace/millrace/pkg/fault"
)

func TestDriver(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(*testing.T) driver.Store { return memstore.New() })
}

func TestFailWrites(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	s.FailWrites(2, 1, memstore.ErrFull)
	blob, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	err = blob.Commit(t.Context(), "c/x")
	if !errors.Is(err, memstore.ErrFull) || s.Classify(err) != fault.ArtifactDiskFull {
		t.Errorf("the third write: %v", err)
	}
	if diff := cmp.Diff([]string{}, s.Names()); diff != "" {
		t.Error(diff)
	}
	if blob, err = s.Create(t.Context()); err != nil {
		t.Fatalf("after the only failure: %v", err)
	}
	s.FailWrites(0, -1, memstore.ErrFull)
	for range 3 {
		if _, err := blob.Write([]byte("x")); !errors.Is(err, memstore.ErrFull) {
			t.Errorf("a write that must fail: %v", err)
		}
	}
	s.FailWrites(0, -1, nil)
	if err := blob.Commit(t.Context(), "c/x"); err != nil {
		t.Errorf("after the failures: %v", err)
	}
	if n := s.Unfinished(); n != 0 {
		t.Errorf("%d blobs are unfinished", n)
	}
}
