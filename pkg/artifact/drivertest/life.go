package drivertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

func testDelete(t *testing.T, s driver.Store) {
	content := Content(1000, 1)
	name := Name(content)
	mustWrite(t, s, name, content)
	for range 2 {
		if err := s.Delete(t.Context(), name, time.Time{}); err != nil {
			t.Fatalf("delete: %v", err)
		}
		wantMissing(t, s, name)
	}
	mustWrite(t, s, name, content)
	wantContent(t, s, name, content)
}

func testDeleteOld(t *testing.T, s driver.Store) {
	content := Content(1000, 1)
	name := Name(content)
	mustWrite(t, s, name, content)
	written := names(t, s, "")[name].Written
	if err := s.Delete(t.Context(), name, written); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, name, content)

	// Writing it again makes it young.
	for names(t, s, "")[name].Written.Equal(written) {
		mustWrite(t, s, name, content)
	}
	if err := s.Delete(t.Context(), name, written.Add(1)); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, name, content)

	if err := s.Delete(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	wantMissing(t, s, name)
	if err := s.Delete(t.Context(), name, time.Now()); err != nil {
		t.Fatalf("delete a missing blob: %v", err)
	}
	if found := names(t, s, ""); len(found) != 0 {
		t.Fatalf("after Delete the store lists %v", found)
	}
}

func testList(t *testing.T, s driver.Store) {
	begin := time.Now().Add(-time.Minute)
	want := map[string]int64{}
	for i := range 20 {
		name := fmt.Sprintf("%c/%d/%d", 'a'+i%2, i%3, i)
		mustWrite(t, s, name, Content(100+i, i))
		want[name] = int64(100 + i)
	}
	all := names(t, s, "")
	for name, size := range want {
		info := all[name]
		if info.Name != name || info.Size != size {
			t.Errorf("list has %+v for %s of %d bytes", info, name, size)
		}
		if info.Written.Before(begin) || info.Written.After(time.Now().Add(time.Minute)) {
			t.Errorf("%s was written at %v", name, info.Written)
		}
	}
	if len(all) != 20 || len(names(t, s, "a/")) != 10 || len(names(t, s, "a/0/")) != 4 {
		t.Errorf("lists of %d, %d, %d blobs", len(all), len(names(t, s, "a/")), len(names(t, s, "a/0/")))
	}
	n := 0
	for range s.List(t.Context(), "") {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("a list that is left early yields %d", n)
	}
}

func testContext(t *testing.T, s driver.Store) {
	content := Content(3<<20, 1)
	name := Name(content)
	mustWrite(t, s, name, content)
	ctx, cancel := context.WithCancel(t.Context())
	blob, err := s.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Write(content); err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Read(ctx, name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()

	if _, err := io.Copy(io.Discard, r); err == nil {
		t.Error("a reader goes on after its context")
	}
	if _, err := blob.Write(content); err == nil {
		t.Error("a writer goes on after its context")
	}
	if err := blob.Commit(ctx, "c/late"); err == nil {
		t.Error("a commit succeeds after its context")
	}
	wantMissing(t, s, "c/late")
	if _, err := s.Create(ctx); err == nil {
		t.Error("Create succeeds after its context")
	}
	if _, _, err := s.Read(ctx, name, 0, -1); err == nil {
		t.Error("Read succeeds after its context")
	}
	if err := s.Delete(ctx, name, time.Time{}); err == nil {
		t.Error("Delete succeeds after its context")
	}
	listed := 0
	for _, err := range s.List(ctx, "") {
		if err == nil {
			listed++
		}
	}
	if listed > 0 {
		t.Error("List yields after its context")
	}
	wantContent(t, s, name, content)
}

func testClosed(t *testing.T, s driver.Store) {
	content := Content(3<<20, 1)
	name := Name(content)
	mustWrite(t, s, name, content)
	blob, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Abort()
	r, _, err := s.Read(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = blob.Write(content)
	wantCode(t, s, "a write after Close", err, fault.ArtifactClosed)
	_, err = io.Copy(io.Discard, r)
	wantCode(t, s, "a read after Close", err, fault.ArtifactClosed)
	_, err = s.Create(t.Context())
	wantCode(t, s, "Create after Close", err, fault.ArtifactClosed)
	_, _, err = s.Read(t.Context(), name, 0, -1)
	wantCode(t, s, "Read after Close", err, fault.ArtifactClosed)
	_, err = s.Stat(t.Context(), name)
	wantCode(t, s, "Stat after Close", err, fault.ArtifactClosed)
	err = s.Delete(t.Context(), name, time.Time{})
	wantCode(t, s, "Delete after Close", err, fault.ArtifactClosed)
	err = blob.Commit(t.Context(), "c/late")
	wantCode(t, s, "Commit after Close", err, fault.ArtifactClosed)
}

func testClassify(t *testing.T, s driver.Store) {
	for err, code := range map[error]fault.Code{
		errors.New("anything"):                     fault.ArtifactIO,
		driver.ErrClosed:                           fault.ArtifactClosed,
		driver.ErrBadName:                          fault.InternalBug,
		fmt.Errorf("write: %w", driver.ErrBadName): fault.InternalBug,
	} {
		wantCode(t, s, "an operation", err, code)
	}
}
