package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/services/millrace/term"
)

const (
	syncRounds = 50
	syncBlock  = 4096
	// slowSync is where a synced record becomes what a user waits for.
	slowSync = 10 * time.Millisecond

	failSpace = 256 << 20
	warnSpace = 2 << 30
)

// checkSync measures how long a small write takes to reach the disk.
func checkSync(_ context.Context, c Config) Check {
	check := Check{Name: "disk-sync"}
	dir := existing(c.DataDir)
	median, err := measureSync(dir)
	if err != nil {
		check.Status, check.Detail = Fail, err.Error()
		check.Hint = "Choose a --data-dir on a local disk that this user may write to."
		return check
	}
	check.Status = OK
	check.Detail = fmt.Sprintf("%s per synced write in %s (median of %d)", term.Took(median), dir, syncRounds)
	switch {
	case inMemory(dir):
		check.Status = Warn
		check.Detail += ", but the folder is in memory"
		check.Hint = "Nothing there survives a restart of the machine; choose a --data-dir on a disk."
	case median > slowSync:
		check.Status = Warn
		check.Hint = "Every step of a job waits for one synced write; use a faster disk, or --durability relaxed where a power cut may cost work."
	}
	return check
}

// measureSync returns the median time of a write and sync in dir.
func measureSync(dir string) (median time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".millrace-doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() {
		_ = f.Close()
		if rerr := os.Remove(f.Name()); err == nil {
			err = rerr
		}
	}()
	block := make([]byte, syncBlock)
	times := make([]time.Duration, syncRounds)
	for i := range times {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// checkSpace looks at the free space of the disk of the data directory.
func checkSpace(_ context.Context, c Config) Check {
	check := Check{Name: "disk-space"}
	dir := existing(c.DataDir)
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		check.Status, check.Detail = Fail, err.Error()
		check.Hint = "Check that the folder's disk is mounted."
		return check
	}
	free, total := int64(s.Bavail)*s.Bsize, int64(s.Blocks)*s.Bsize
	check.Status = OK
	check.Detail = fmt.Sprintf("%s of %s free in %s", term.Bytes(free), term.Bytes(total), dir)
	switch {
	case free < failSpace:
		check.Status = Fail
	case free < warnSpace:
		check.Status = Warn
	default:
		return check
	}
	check.Hint = "Free some space, or choose another --data-dir; every file is kept until its retention ends."
	return check
}

// checkTemp looks whether temporary files can be made.
func checkTemp(context.Context, Config) Check {
	check := Check{Name: "temp-folder", Status: OK, Detail: os.TempDir()}
	f, err := os.CreateTemp("", "millrace-doctor-*")
	if err != nil {
		check.Status, check.Detail = Fail, err.Error()
		check.Hint = "Set TMPDIR to a folder that this user may write to."
		return check
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return check
}

// checkFiles looks at how many files a process may hold open.
func checkFiles(context.Context, Config) Check {
	check := Check{Name: "open-files"}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		check.Status, check.Detail = Warn, err.Error()
		check.Hint = "The limit cannot be read; see ulimit -n."
		return check
	}
	check.Status, check.Detail = OK, fmt.Sprintf("%d may be open at once", limit.Cur)
	switch {
	case limit.Cur < 256:
		check.Status = Fail
	case limit.Cur < 4096:
		check.Status = Warn
	default:
		return check
	}
	check.Hint = "Raise the limit to 4096 or more: ulimit -n, or LimitNOFILE in the unit file."
	return check
}

// existing returns dir, or the nearest folder above it that exists.
func existing(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir || !strings.Contains(dir, string(filepath.Separator)) {
			return parent
		}
		dir = parent
	}
}

// inMemory reports whether dir is on a file system that lives in memory.
func inMemory(dir string) bool {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return false
	}
	return s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC
}
