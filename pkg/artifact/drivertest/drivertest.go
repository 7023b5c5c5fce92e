// Package drivertest is the suite that every driver of package artifact passes.
package drivertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/fault"
)

// Run tests stores that open makes. Each call of open returns a new, empty
// store, which the suite closes.
func Run(t *testing.T, open func(t *testing.T) driver.Store) {
	tests := []struct {
		name string
		run  func(t *testing.T, s driver.Store)
	}{
		{"sizes", testSizes},
		{"large", testLarge},
		{"ranges", testRanges},
		{"missing", testMissing},
		{"names", testNames},
		{"again", testAgain},
		{"damaged is replaced", testReplace},
		{"abort", testAbort},
		{"finished blob", testFinished},
		{"delete", testDelete},
		{"delete old", testDeleteOld},
		{"delete while read", testDeleteWhileRead},
		{"list", testList},
		{"context", testContext},
		{"closed", testClosed},
		{"classify", testClassify},
		{"writers of one name", testWritersOfOneName},
		{"writers and deleters", testWritersAndDeleters},
		{"writers of many names", testWritersOfManyNames},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			test.run(t, s)
		})
	}
}

// Content returns size bytes that look random and depend on seed.
func Content(size, seed int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(strconv.Itoa(seed)))).Read(b)
	return b
}

// Name returns a name like those that package artifact uses.
func Name(content []byte) string {
	d := sha256.Sum256(content)
	digits := hex.EncodeToString(d[:])
	return "c/" + digits[:2] + "/" + digits
}

// write stores b under name.
func write(ctx context.Context, s driver.Store, name string, b []byte) error {
	blob, err := s.Create(ctx)
	if err != nil {
		return err
	}
	defer blob.Abort()
	for len(b) > 0 {
		n := min(len(b), 256<<10)
		if _, err := blob.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return blob.Commit(ctx, name)
}

func mustWrite(t *testing.T, s driver.Store, name string, b []byte) {
	t.Helper()
	if err := write(t.Context(), s, name, b); err != nil {
		t.Fatalf("write %s: %v", name, err)
	}
}

// read returns a part of a blob, and the size of the whole.
func read(
	ctx context.Context, s driver.Store, name string, offset, size int64,
) (b []byte, whole int64, err error) {
	r, whole, err := s.Read(ctx, name, offset, size)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b, err = io.ReadAll(r)
	return b, whole, err
}

// wantContent fails unless name holds content.
func wantContent(t *testing.T, s driver.Store, name string, content []byte) {
	t.Helper()
	b, whole, err := read(t.Context(), s, name, 0, -1)
	switch {
	case err != nil:
		t.Fatalf("read %s: %v", name, err)
	case !bytes.Equal(b, content):
		t.Fatalf("read %s: %d bytes that are not the %d written", name, len(b), len(content))
	case whole != int64(len(content)):
		t.Fatalf("read %s: size %d, want %d", name, whole, len(content))
	}
	if size, err := s.Stat(t.Context(), name); err != nil || size != whole {
		t.Fatalf("stat %s = %d, %v, want %d", name, size, err, whole)
	}
}

// wantMissing fails unless there is no blob of that name.
func wantMissing(t *testing.T, s driver.Store, name string) {
	t.Helper()
	_, err := s.Stat(t.Context(), name)
	wantCode(t, s, "stat", err, fault.ArtifactNotFound)
	_, _, err = read(t.Context(), s, name, 0, -1)
	wantCode(t, s, "read", err, fault.ArtifactNotFound)
}

// wantCode fails unless err is an error that the driver classifies as code.
func wantCode(t *testing.T, s driver.Store, doing string, err error, code fault.Code) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s succeeded, want an error of code %s", doing, code)
	}
	if got := s.Classify(err); got != code {
		t.Fatalf("%s: %v, code %s, want %s", doing, err, got, code)
	}
}

// names returns the names of all blobs below prefix.
func names(t *testing.T, s driver.Store, prefix string) map[string]driver.Info {
	t.Helper()
	found := map[string]driver.Info{}
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("list %q: %v", prefix, err)
		}
		if _, twice := found[info.Name]; twice {
			t.Fatalf("list %q: %s came twice", prefix, info.Name)
		}
		found[info.Name] = info
	}
	return found
}
