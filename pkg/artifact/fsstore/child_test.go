package fsstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/artifact/driver"
	"github.com/millrace/millrace/pkg/artifact/drivertest"
	"github.com/millrace/millrace/pkg/artifact/fsstore"
	"github.com/millrace/millrace/pkg/fault"
)

// Some tests need a process of their own: one that is killed, or that has a disk
// of its own to fill. The test binary runs itself again with these variables.
const (
	childTask = "MILLRACE_TEST_CHILD"
	childDir  = "MILLRACE_TEST_CHILD_DIR"
)

// child does the task that the variables name and reports whether there is one.
func child() bool {
	task, dir := os.Getenv(childTask), os.Getenv(childDir)
	var err error
	switch task {
	case "":
		return false
	case "leave":
		err = leaveFiles(dir)
	case "mount":
		err = mountSmall(dir)
	case "full disk":
		err = errors.Join(mountSmall(dir), fillDisk(dir))
	case "reserve":
		err = errors.Join(mountSmall(dir), fillToReserve(dir))
	case "read-only disk":
		err = errors.Join(mountSmall(dir), readOnlyDisk(dir))
	case "no permission":
		err = losePermission(dir)
	case "file size limit":
		err = limitedFiles(dir)
	default:
		err = errors.New("unknown task")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, task+":", err)
		os.Exit(1)
	}
	return true
}

// runChild runs a task in a process with attributes a.
func runChild(t *testing.T, task, dir string, a *syscall.SysProcAttr) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childTask+"="+task, childDir+"="+dir)
	cmd.SysProcAttr = a
	out, err := cmd.CombinedOutput()
	if state := cmd.ProcessState; task == "leave" && state != nil {
		if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
			err = nil
		}
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// leaveFiles kills this process while two blobs are being written.
func leaveFiles(dir string) error {
	s, err := fsstore.New(dir, nil)
	if err != nil {
		return err
	}
	for range 2 {
		blob, err := s.Create(background)
		if err != nil {
			return err
		}
		if _, err := blob.Write(drivertest.Content(1000, 1)); err != nil {
			return err
		}
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// diskSize is the size of the disk that mountSmall makes.
const diskSize = 24 << 20

// mountSmall puts a small disk at dir, in the mount namespace of this process.
func mountSmall(dir string) error {
	return os.NewSyscallError("mount",
		syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)))
}

// ownDisk are the attributes of a process that may mount a disk nobody else
// sees: as root, or else as the root of a new user namespace.
func ownDisk() *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

// canMount reports whether ownDisk works here.
func canMount(t *testing.T) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childTask+"=mount", childDir+"="+t.TempDir())
	cmd.SysProcAttr = ownDisk()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("this machine lets nobody mount a disk: %v: %s", err, out)
	}
	return err == nil
}

// expect returns an error unless err is a fault with code.
func expect(doing string, err error, code fault.Code) error {
	if f := fault.From(err); f == nil || f.Code != code {
		return fmt.Errorf("%s: %w, want code %s", doing, err, code)
	}
	return nil
}

// putBytes stores b and reads it again.
func putBytes(s *artifact.Store, b []byte) error {
	f, err := s.Put(background, bytes.NewReader(b), nil)
	if err != nil {
		return err
	}
	r, err := s.Open(background, f.Digest)
	if err != nil {
		return err
	}
	defer r.Close()
	var got bytes.Buffer
	if _, err := r.WriteTo(&got); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), b) {
		return errors.New("other bytes came back")
	}
	return nil
}

// openChild returns a store in dir with its driver.
func openChild(dir string, reserve int64) (*artifact.Store, driver.Store, error) {
	d, err := fsstore.New(dir, &fsstore.Options{Reserve: reserve})
	if err != nil {
		return nil, nil, err
	}
	return artifact.New(d, &artifact.Options{ChunkSize: 1 << 20}), d, nil
}

// limitedFiles runs out of space without a disk of its own: by the limit on the
// size of a file.
func limitedFiles(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 300_000, Max: 300_000}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	s, d, err := openChild(dir, -1)
	if err != nil {
		return err
	}
	return errors.Join(overfill(s, d, drivertest.Content(5<<20, 1)), s.Close())
}
