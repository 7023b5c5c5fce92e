package stagetest

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Some tests need a process of their own. The test program runs itself again
// with these variables, and only the test at hand.
const (
	aloneMode = "MILLRACE_STAGETEST_ALONE"
	aloneDir  = "MILLRACE_STAGETEST_ALONE_DIR"
)

// Ways to be alone.
const (
	modeMount  = "mount"
	modeLimit  = "limit"
	modeNobody = "nobody"
)

const nobody = 65534

// SmallDiskSize is how much fits on the disk of [SmallDisk], in bytes.
const SmallDiskSize = 8 << 20

// SmallDisk runs fn in a process of its own with dir on a disk of
// [SmallDiskSize]. Where nobody may mount a disk, files of that size are the
// largest that the process may write. It is the last call of a test.
func SmallDisk(t *testing.T, fn func(t *testing.T, dir string)) {
	t.Helper()
	mode := modeLimit
	if canMount(t) {
		mode = modeMount
	}
	alone(t, mode, fn)
}

// Unprivileged runs fn in a process of its own that is bound by permissions, as
// root is not. The process may write to dir. It is the last call of a test.
func Unprivileged(t *testing.T, fn func(t *testing.T, dir string)) {
	t.Helper()
	alone(t, modeNobody, fn)
}

func alone(t *testing.T, mode string, fn func(t *testing.T, dir string)) {
	t.Helper()
	if inside := os.Getenv(aloneMode); inside != "" {
		dir := os.Getenv(aloneDir)
		if err := enter(inside, dir); err != nil {
			t.Fatal(err)
		}
		fn(t, dir)
		return
	}
	var levels []string
	for level := range strings.SplitSeq(t.Name(), "/") {
		levels = append(levels, "^"+regexp.QuoteMeta(level)+"$")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run", strings.Join(levels, "/"))
	cmd.Env = append(os.Environ(), aloneMode+"="+mode, aloneDir+"="+openDir(t))
	if mode == modeMount {
		cmd.SysProcAttr = ownDisks()
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%s: %v\n%s", mode, err, out)
	}
}

// openDir makes a folder that the child reaches whoever it is.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "stagetest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// enter makes this process what mode says.
func enter(mode, dir string) error {
	switch mode {
	case modeMount:
		return os.NewSyscallError("mount",
			syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", SmallDiskSize)))
	case modeLimit:
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: SmallDiskSize, Max: SmallDiskSize}
		return os.NewSyscallError("setrlimit", syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	}
	if os.Geteuid() != 0 {
		return nil
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		return err
	}
	if err := syscall.Setgroups(nil); err != nil {
		return os.NewSyscallError("setgroups", err)
	}
	if err := syscall.Setgid(nobody); err != nil {
		return os.NewSyscallError("setgid", err)
	}
	return os.NewSyscallError("setuid", syscall.Setuid(nobody))
}

// ownDisks are the attributes of a process that may mount disks nobody else
// sees: as root, or else as the root of a user namespace of its own.
func ownDisks() *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

// canMount reports whether ownDisks works here.
func canMount(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneMode) != "" {
		return true // was found out already
	}
	cmd := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "none", t.TempDir())
	cmd.SysProcAttr = ownDisks()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("this machine lets nobody mount a disk: %v: %s", err, out)
	}
	return err == nil
}
