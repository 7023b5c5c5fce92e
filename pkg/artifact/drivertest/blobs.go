package drivertest

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

func testSizes(t *testing.T, s driver.Store) {
	for i, size := range []int{0, 1, 4095, 4096, 4097, 64 << 10, 1<<20 + 1} {
		content := Content(size, i)
		mustWrite(t, s, Name(content), content)
		wantContent(t, s, Name(content), content)
	}
}

func testLarge(t *testing.T, s driver.Store) {
	content := Content(20<<20, 1)
	mustWrite(t, s, Name(content), content)
	wantContent(t, s, Name(content), content)
}

func testRanges(t *testing.T, s driver.Store) {
	content := Content(100_000, 1)
	name := Name(content)
	mustWrite(t, s, name, content)
	for _, r := range []struct{ offset, size, want int64 }{
		{0, -1, 100_000},
		{0, 0, 0},
		{0, 1, 1},
		{99_999, 1, 1},
		{99_999, -1, 1},
		{100_000, -1, 0},
		{100_000, 10, 0},
		{12_345, 54_321, 54_321},
		{99_990, 100, 10},
		{200_000, -1, 0},
		{200_000, 5, 0},
	} {
		b, whole, err := read(t.Context(), s, name, r.offset, r.size)
		if err != nil || whole != 100_000 {
			t.Fatalf("read %d from %d: size %d, %v", r.size, r.offset, whole, err)
		}
		if int64(len(b)) != r.want {
			t.Fatalf("read %d from %d: %d bytes, want %d", r.size, r.offset, len(b), r.want)
		}
		if r.want > 0 && !bytes.Equal(b, content[r.offset:r.offset+r.want]) {
			t.Fatalf("read %d from %d: other bytes", r.size, r.offset)
		}
	}
}

func testMissing(t *testing.T, s driver.Store) {
	wantMissing(t, s, Name([]byte("nothing")))
	wantMissing(t, s, "nowhere/at-all")
	if found := names(t, s, ""); len(found) != 0 {
		t.Fatalf("a new store lists %v", found)
	}
	if found := names(t, s, "nowhere/"); len(found) != 0 {
		t.Fatalf("a missing folder lists %v", found)
	}
}

// badNames are names that a driver must refuse without looking for them.
var badNames = []string{
	"", "/", ".", "..", "a", "a/", "/a", "a//b", "../a", "a/../b", "a/./b", "a/b/..", "a/B",
	"a/b c", "a/b\x00", "a/b\n", "a\\b", "a/é", "a/b.tmp", ".tmp/a", "c:/a",
	"a/" + strings.Repeat("b", 200),
}

func testNames(t *testing.T, s driver.Store) {
	for _, name := range badNames {
		wantCode(t, s, "write "+name, write(t.Context(), s, name, []byte("x")), fault.InternalBug)
		_, _, err := s.Read(t.Context(), name, 0, -1)
		wantCode(t, s, "read "+name, err, fault.InternalBug)
		_, err = s.Stat(t.Context(), name)
		wantCode(t, s, "stat "+name, err, fault.InternalBug)
		wantCode(t, s, "delete "+name, s.Delete(t.Context(), name, time.Time{}), fault.InternalBug)
	}
	long := "a/" + strings.Repeat("b", 198)
	mustWrite(t, s, long, []byte("x"))
	wantContent(t, s, long, []byte("x"))
	if found := names(t, s, ""); len(found) != 1 {
		t.Fatalf("bad names left something: %v", found)
	}
}

func testAgain(t *testing.T, s driver.Store) {
	content := Content(300_000, 1)
	for range 3 {
		mustWrite(t, s, Name(content), content)
		wantContent(t, s, Name(content), content)
	}
}

func testReplace(t *testing.T, s driver.Store) {
	content := Content(200_000, 1)
	name := Name(content)
	flipped := bytes.Clone(content)
	flipped[150_000] ^= 1
	for _, damaged := range [][]byte{flipped, content[:100_000], nil, append(flipped, 1)} {
		mustWrite(t, s, name, damaged)
		wantContent(t, s, name, damaged)
		mustWrite(t, s, name, content)
		wantContent(t, s, name, content)
	}
}

func testAbort(t *testing.T, s driver.Store) {
	for _, size := range []int{0, 10, 1 << 20} {
		blob, err := s.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := blob.Write(Content(size, 1)); err != nil {
			t.Fatal(err)
		}
		if found := names(t, s, ""); len(found) != 0 {
			t.Fatalf("before Commit the store lists %v", found)
		}
		blob.Abort()
		blob.Abort()
	}
	if found := names(t, s, ""); len(found) != 0 {
		t.Fatalf("after Abort the store lists %v", found)
	}
}

func testFinished(t *testing.T, s driver.Store) {
	content := []byte("content")
	for _, end := range []func(driver.Blob) error{
		func(b driver.Blob) error { return b.Commit(t.Context(), Name(content)) },
		func(b driver.Blob) error { b.Abort(); return nil },
		func(b driver.Blob) error {
			if err := b.Commit(t.Context(), "Bad Name"); err == nil {
				t.Error("a bad name was taken")
			}
			return nil
		},
	} {
		blob, err := s.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := blob.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := end(blob); err != nil {
			t.Fatal(err)
		}
		if _, err := blob.Write(content); err == nil {
			t.Error("Write after the end succeeded")
		}
		if err := blob.Commit(t.Context(), "c/again"); err == nil {
			t.Error("Commit after the end succeeded")
		}
		blob.Abort()
	}
	wantContent(t, s, Name(content), content)
	wantMissing(t, s, "c/again")
}

func testDeleteWhileRead(t *testing.T, s driver.Store) {
	content := Content(4<<20, 1)
	name := Name(content)
	mustWrite(t, s, name, content)
	r, _, err := s.Read(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	half := make([]byte, 2<<20)
	if _, err := io.ReadFull(r, half); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), name, time.Time{}); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s, name, Content(4<<20, 2))
	rest, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(append(half, rest...), content) {
		t.Fatal("a reader got other bytes after the blob was deleted")
	}
}
