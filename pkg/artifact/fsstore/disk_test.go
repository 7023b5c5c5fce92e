package fsstore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/fault"
)

// background is the context of a child process, which ends with its task.
var background = context.Background()

// TestDisk runs out of space, in the reserve and beyond, and may not
// write. Where nobody may mount a disk, a limit on the size of files stands in.
func TestDisk(t *testing.T) {
	t.Parallel()
	tasks := []string{"file size limit", "no permission"}
	if canMount(t) {
		tasks = append(tasks, "full disk", "reserve", "read-only disk")
	}
	for _, task := range tasks {
		t.Run(task, func(t *testing.T) {
			t.Parallel()
			var a *syscall.SysProcAttr
			if !slices.Contains([]string{"file size limit", "no permission"}, task) {
				a = ownDisk()
			}
			runChild(t, task, t.TempDir(), a)
		})
	}
}

// overfill stores content that has no room, in several ways.
func overfill(s *artifact.Store, d driver.Store, content []byte) error {
	_, err := s.Put(background, bytes.NewReader(content), nil)
	if err := expect("Put", err, fault.ArtifactDiskFull); err != nil {
		return err
	}
	if class := fault.ClassOf(err); class != fault.Resource {
		return fmt.Errorf("class %s", class)
	}
	if err := write(background, d, content); d.Classify(err) != fault.ArtifactDiskFull {
		return fmt.Errorf("write: %w", err)
	}
	_, err = s.Stat(background, fmt.Sprintf("sha256:%x", sha256.Sum256(content)))
	return expect("Stat", err, fault.ArtifactNotFound)
}

// fillDisk fills the disk to its last block, makes room again, and goes on.
func fillDisk(dir string) error {
	s, d, err := openChild(dir, -1)
	if err != nil {
		return err
	}
	defer s.Close()
	kept := drivertest.Content(2<<20+1, 1)
	if err := putBytes(s, kept); err != nil {
		return err
	}
	if err := overfill(s, d, drivertest.Content(diskSize, 2)); err != nil {
		return err
	}
	left, err := filepath.Glob(filepath.Join(dir, ".tmp", "*", "*"))
	if err != nil || len(left) > 0 {
		return fmt.Errorf("temporary files stayed: %v, %w", left, err)
	}
	if _, err := s.Sweep(background, time.Nanosecond); err != nil {
		return fmt.Errorf("sweep a full disk: %w", err)
	}
	return errors.Join(putBytes(s, drivertest.Content(10<<20, 3)), putBytes(s, kept))
}

// fillToReserve fills the disk until the store refuses, and finds the reserve
// free for others.
func fillToReserve(dir string) error {
	for _, reserve := range []int64{0, 5 << 20} {
		s, d, err := openChild(dir, reserve)
		if err != nil {
			return err
		}
		if err := overfill(s, d, drivertest.Content(diskSize, 2)); err != nil {
			return err
		}
		if reserve == 0 {
			reserve = diskSize / 8
		}
		var disk syscall.Statfs_t
		if err := syscall.Statfs(dir, &disk); err != nil {
			return err
		}
		if free := int64(disk.Bavail) * disk.Bsize; free < reserve {
			return fmt.Errorf("%d bytes are free, less than the reserve of %d", free, reserve)
		}
		other := filepath.Join(dir, "other")
		err = errors.Join(os.WriteFile(other, make([]byte, reserve-1<<20), 0o600), os.Remove(other))
		if err != nil {
			return fmt.Errorf("others: %w", err)
		}
		if _, err := s.Sweep(background, time.Nanosecond); err != nil {
			return err
		}
		if err := putBytes(s, drivertest.Content(8<<20, 3)); err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}

// readOnlyDisk opens a store on a disk that nobody may write to.
func readOnlyDisk(dir string) error {
	s, _, err := openChild(dir, -1)
	if err != nil {
		return err
	}
	err = errors.Join(putBytes(s, drivertest.Content(2<<20+1, 1)), s.Close())
	if err != nil {
		return err
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return err
	}
	_, _, err = openChild(dir, -1)
	if err := expect("New", err, fault.ArtifactIO); err != nil {
		return err
	}
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "read-only") {
		return fmt.Errorf("the cause is lost: %w", err)
	}
	return nil
}

// losePermission takes the right to write from an open store.
func losePermission(dir string) error {
	s, _, err := openChild(dir, -1)
	if err != nil {
		return err
	}
	kept := drivertest.Content(2<<20+1, 1)
	if err := putBytes(s, kept); err != nil {
		return err
	}
	folders, err := filepath.Glob(filepath.Join(dir, ".tmp", "*"))
	if err != nil {
		return err
	}
	for _, folder := range append(folders, filepath.Join(dir, ".tmp")) {
		if err := os.Chmod(folder, 0o500); err != nil {
			return err
		}
		defer os.Chmod(folder, 0o700) // or nobody could remove it
	}
	if os.Geteuid() == 0 { // whom permissions do not bind
		if err := errors.Join(os.Chmod(dir, 0o555), syscall.Setuid(65534)); err != nil {
			return err
		}
	}
	for _, size := range []int{0, 100, 5 << 20} {
		_, err = s.Put(background, bytes.NewReader(drivertest.Content(size, 2)), nil)
		if err := expect("Put", err, fault.ArtifactIO); err != nil {
			return err
		}
		if !errors.Is(err, syscall.EACCES) || !strings.Contains(err.Error(), "permission") {
			return fmt.Errorf("the cause is lost: %w", err)
		}
	}
	_, _, err = openChild(dir, -1)
	return expect("New", err, fault.ArtifactIO)
}
