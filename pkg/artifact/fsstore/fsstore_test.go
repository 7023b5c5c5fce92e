package fsstore_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/pkg/fault"
)

func TestMain(m *testing.M) {
	if child() {
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, dir string, o *fsstore.Options) driver.Store {
	t.Helper()
	s, err := fsstore.New(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// write stores b under the name of its content.
func write(ctx context.Context, s driver.Store, b []byte) error {
	blob, err := s.Create(ctx)
	if err != nil {
		return err
	}
	defer blob.Abort()
	if _, err := blob.Write(b); err != nil {
		return err
	}
	return blob.Commit(ctx, drivertest.Name(b))
}

// has reports whether s holds b, whole.
func has(ctx context.Context, s driver.Store, b []byte) (bool, error) {
	r, _, err := s.Read(ctx, drivertest.Name(b), 0, -1)
	if err != nil {
		return false, err
	}
	got, err := io.ReadAll(r)
	return bytes.Equal(got, b), errors.Join(err, r.Close())
}

func TestDriver(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]*fsstore.Options{
		"durable": nil, "relaxed": {NoSync: true, Reserve: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drivertest.Run(t, func(t *testing.T) driver.Store { return open(t, t.TempDir(), o) })
		})
	}
}

// TestReopen: what one store wrote another finds, also in directories that did
// not exist, and at the same time.
func TestReopen(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	content := drivertest.Content(10_000, 1)
	first, second := open(t, dir, nil), open(t, dir, nil)
	if err := write(t.Context(), first, content); err != nil {
		t.Fatal(err)
	}
	for _, s := range []driver.Store{second, open(t, dir, &fsstore.Options{NoSync: true})} {
		if ok, err := has(t.Context(), s, content); !ok || err != nil {
			t.Errorf("another store has it: %t, %v", ok, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "", "a\x00b"} {
		_, err := fsstore.New(dir, nil)
		if f := fault.From(err); f == nil || f.Code != fault.ArtifactIO {
			t.Errorf("New(%q) = %v, want code artifact.io", dir, err)
		}
	}
}

// TestLeftovers: files of a process that was killed go, those of a process that
// lives stay.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	alive := open(t, dir, nil)
	blob, err := alive.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	content := drivertest.Content(1000, 1)
	if _, err := blob.Write(content[:500]); err != nil {
		t.Fatal(err)
	}
	runChild(t, "leave", dir, nil)
	if n := temporaries(t, dir); n != 3 {
		t.Fatalf("%d temporary files, want one of this process and two of the killed one", n)
	}

	open(t, dir, nil)
	if n := temporaries(t, dir); n != 1 {
		t.Fatalf("%d temporary files, want the one of this process", n)
	}
	if _, err := blob.Write(content[500:]); err != nil {
		t.Fatal(err)
	}
	if err := blob.Commit(t.Context(), drivertest.Name(content)); err != nil {
		t.Fatal(err)
	}
	if ok, err := has(t.Context(), alive, content); !ok || err != nil {
		t.Errorf("the blob of the living process is there: %t, %v", ok, err)
	}
	if n := temporaries(t, dir); n != 0 {
		t.Fatalf("%d temporary files after all were committed", n)
	}
}

func temporaries(t *testing.T, dir string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, ".tmp", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// TestCloseDropsWriters: nothing of a store is left in the workspace.
func TestCloseDropsWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := fsstore.New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	blob.Abort()
	left, err := os.ReadDir(filepath.Join(dir, ".tmp"))
	if err != nil || len(left) != 1 || left[0].Name() != "lock" {
		t.Errorf("left in the workspace: %v, %v", left, err)
	}
}

// TestSymlinks: no link leads out of the directory.
func TestSymlinks(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, dir, nil)
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	content := drivertest.Content(100, 1)
	name := drivertest.Name(content)
	folder := filepath.Join(dir, filepath.Dir(filepath.FromSlash(name)))
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		t.Fatal(err)
	}

	if err := os.Symlink(outside, folder); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), s, content); err == nil || s.Classify(err) != fault.ArtifactIO {
		t.Errorf("a write through a linked folder: %v", err)
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Read(t.Context(), name, 0, -1)
	if err == nil || s.Classify(err) != fault.ArtifactIO {
		t.Errorf("a read through a link: %v", err)
	}
	if _, err := s.Stat(t.Context(), name); err == nil {
		t.Error("Stat of a link succeeded")
	}
	for info := range s.List(t.Context(), "") {
		t.Errorf("List yields %+v", info)
	}
	if err := s.Delete(t.Context(), name, time.Time{}); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(outside)
	if err != nil || len(left) != 1 {
		t.Errorf("outside there is %v, %v", left, err)
	}
	if b, err := os.ReadFile(secret); string(b) != "secret" || err != nil {
		t.Errorf("the file outside is %q, %v", b, err)
	}
}

// TestFoldersVanish: somebody removes folders while the store is open.
func TestFoldersVanish(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, nil)
	content := drivertest.Content(1000, 1)
	for range 3 {
		if err := write(t.Context(), s, content); err != nil {
			t.Fatal(err)
		}
		if ok, err := has(t.Context(), s, content); !ok || err != nil {
			t.Fatalf("the blob is there: %t, %v", ok, err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "c")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOddFiles puts things that are no files in the place of blobs.
func TestOddFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, nil)
	content := drivertest.Content(1000, 1)
	file := filepath.Join(dir, filepath.FromSlash(drivertest.Name(content)))
	if err := os.MkdirAll(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := has(t.Context(), s, content); err == nil || s.Classify(err) != fault.ArtifactIO {
		t.Errorf("a folder is read: %v", err)
	}
	if _, err := s.Stat(t.Context(), drivertest.Name(content)); err == nil {
		t.Error("Stat of a folder succeeded")
	}
	if err := write(t.Context(), s, content); err == nil || s.Classify(err) != fault.ArtifactIO {
		t.Errorf("a folder is replaced: %v", err)
	}
	if n := temporaries(t, dir); n != 0 {
		t.Errorf("%d temporary files stayed", n)
	}
}

// TestDeleteOldRaces: of a writer and one who deletes old blobs, the writer wins.
func TestDeleteOldRaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Relaxed, so that the two meet more often.
	s := open(t, dir, &fsstore.Options{NoSync: true})
	other := open(t, dir, nil)
	content := drivertest.Content(100, 1)
	file := filepath.Join(dir, filepath.FromSlash(drivertest.Name(content)))
	if err := write(t.Context(), s, content); err != nil {
		t.Fatal(err)
	}
	for round := range 600 {
		if round%2 == 0 { // the writer replaces it
			if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(file, time.Time{}, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		before := time.Now().Add(-time.Hour)
		var both sync.WaitGroup
		both.Go(func() {
			if err := write(t.Context(), s, content); err != nil {
				t.Errorf("write: %v", err)
			}
		})
		both.Go(func() {
			if err := other.Delete(t.Context(), drivertest.Name(content), before); err != nil {
				t.Errorf("delete: %v", err)
			}
		})
		both.Wait()
		if ok, err := has(t.Context(), s, content); !ok || err != nil {
			t.Fatalf("the blob is there: %t, %v", ok, err)
		}
	}
}

// TestReserve has a reserve that no disk has.
func TestReserve(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &fsstore.Options{Reserve: 1 << 60})
	for _, size := range []int{0, 1000} {
		err := write(t.Context(), s, drivertest.Content(size, 1))
		if err == nil || s.Classify(err) != fault.ArtifactDiskFull {
			t.Errorf("a write into the reserve: %v", err)
		}
	}
	for info := range s.List(t.Context(), "") {
		t.Errorf("List yields %+v", info)
	}
}
