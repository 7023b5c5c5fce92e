package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// places are where the programs of PostgreSQL lie on usual systems, beside PATH.
var places = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin",
}

// Install returns the folder of initdb and postgres. Where there is none, and this is
// root on a Debian, it installs the package postgresql, without a server that would
// run by itself. Several processes may call it at once: one of them installs.
func Install(ctx context.Context) (string, error) {
	if dir := find(); dir != "" {
		return dir, nil
	}
	apt, err := exec.LookPath("apt-get")
	if os.Getuid() != 0 || err != nil {
		return "", errors.New("postgresql is not installed: the tests of the views need initdb and postgres")
	}
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "millrace-postgresql.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }() // which gives the lock back
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", os.NewSyscallError("flock", err)
	}
	if dir := find(); dir != "" {
		return dir, nil
	}
	script := apt + ` update -qq && ` + apt + ` install -y -qq --no-install-recommends postgresql-common &&
		sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf &&
		` + apt + ` install -y -qq --no-install-recommends postgresql`
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install postgresql: %w\n%s", err, out)
	}
	if dir := find(); dir != "" {
		return dir, nil
	}
	return "", errors.New("postgresql was installed, and its programs are not to be found")
}

// find returns the folder with both programs, or nothing. Of several versions the
// newest counts.
func find() string {
	var dirs []string
	for _, pattern := range places {
		// The patterns are well formed.
		found, _ := filepath.Glob(pattern)
		slices.Sort(found)
		slices.Reverse(found)
		dirs = append(dirs, found...)
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, dir := range dirs {
		_, err1 := os.Stat(filepath.Join(dir, "initdb"))
		_, err2 := os.Stat(filepath.Join(dir, "postgres"))
		if err1 == nil && err2 == nil {
			return dir
		}
	}
	return ""
}
