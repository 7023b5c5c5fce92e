package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Program returns the path of Chromium, which it installs where there is none.
// Several processes may call it at once: one of them installs.
func Program(ctx context.Context) (string, error) {
	if path := find(); path != "" {
		return path, nil
	}
	unlock, err := lock("chromium")
	if err != nil {
		return "", err
	}
	defer unlock()
	if path := find(); path != "" {
		return path, nil // somebody else has installed it
	}
	if os.Geteuid() != 0 {
		return "", errors.New("there is no Chromium; install it (apt-get install chromium), or run this as root")
	}
	for _, args := range [][]string{
		{"update", "-qq"},
		{"install", "-y", "-qq", "--no-install-recommends", "chromium"},
	} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
		}
	}
	if path := find(); path != "" {
		return path, nil
	}
	return "", errors.New("there is no Chromium, even after its installation")
}

// find looks for the programs by the names that they have.
func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// cacheDir is where things stay that were fetched.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	dir := filepath.Join(base, "millrace", "tools")
	return dir, os.MkdirAll(dir, 0o755)
}

// lock keeps other processes out until unlock is called.
func lock(name string) (unlock func(), err error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(cache, name+".lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(os.NewSyscallError("flock", err), f.Close())
	}
	return func() { _ = f.Close() }, nil // which unlocks it
}
