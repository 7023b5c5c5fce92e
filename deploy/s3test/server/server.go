// Package server runs a real S3 server, versitygw, for tests and measurements: a
// process on a free port of this machine with a folder of its own. It needs no
// container and no network, and ends with whoever started it, also when that dies.
//
// [Proxy] stands before it to make trouble: it refuses, delays and cuts requests,
// and loses the answers of others that were carried out.
package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/millrace/millrace/deploy/freeport"
)

// Options says what server to start. The zero value is one with an empty folder
// that is removed in the end.
type Options struct {
	// Dir is where the buckets lie. Empty means a new folder.
	Dir string
	// Region is what the server calls itself. Empty means us-east-1.
	Region string
	// CopyLimit is the size in bytes above which the server refuses to copy an
	// object in one request. Zero means 5 GiB, as at AWS.
	CopyLimit int64
}

// Server is a running server. Its fields do not change.
type Server struct {
	// URL is the address, without a path.
	URL string
	// Region, AccessKey and SecretKey are what requests are signed with.
	Region, AccessKey, SecretKey string

	o      Options
	own    string // folder to remove in the end
	health string
	cmd    *exec.Cmd
	said   *bytes.Buffer
	ended  chan struct{} // closed when the process is gone
}

// Start builds the server when that was not done yet, and starts it. It returns
// when the server answers. Whoever starts it closes it.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	path, err := Build(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Region: o.Region, AccessKey: "millrace", SecretKey: rand.Text(),
		o: o, health: "/" + rand.Text(),
	}
	if s.own, err = os.MkdirTemp("", "s3-"); err != nil {
		return nil, err
	}
	if s.o.Dir == "" {
		s.o.Dir = filepath.Join(s.own, "data")
		if err := os.Mkdir(s.o.Dir, 0o755); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	for range 5 { // somebody else may be faster to take the port
		addr, none := freeport.Address()
		if err = none; err != nil {
			break
		}
		s.URL = "http://" + addr
		if err = s.run(ctx, path); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Restart kills the server, if it runs, and starts it again at the same address
// with the same buckets.
func (s *Server) Restart(ctx context.Context) error {
	s.Stop()
	path, err := Build(ctx)
	if err != nil {
		return err
	}
	return s.run(ctx, path)
}

// Stop kills the server, as kill -9 does. What it stored stays. It may be called
// twice.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // it may be gone already
	<-s.ended
	s.cmd = nil
}

// Close stops the server and removes what it stored, unless that lies in a folder
// of the caller's. It may be called twice.
func (s *Server) Close() error {
	s.Stop()
	return os.RemoveAll(s.own)
}

// run starts the process and waits until it answers.
func (s *Server) run(ctx context.Context, path string) error {
	if err := s.launch(s.command(path)); err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for !s.answers(ctx) {
		var err error
		select {
		case <-tick.C:
			continue
		case <-s.ended:
			err = fmt.Errorf("the server ended: %s", s.said)
		case <-limit.C:
			err = errors.New("the server does not answer")
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		s.Stop()
		return err
	}
	return nil
}

func (s *Server) command(path string) *exec.Cmd {
	args := []string{
		"--port", s.URL[len("http://"):], "--access", s.AccessKey, "--secret", s.SecretKey,
		"--region", s.Region, "--health", s.health, "--quiet", "--keep-alive",
	}
	if s.o.CopyLimit > 0 {
		args = append(args, "--copy-object-threshold", strconv.FormatInt(s.o.CopyLimit, 10))
	}
	args = append(args, "posix")
	if !keepsAttributes(s.o.Dir) {
		sidecar := filepath.Join(s.own, "sidecar")
		_ = os.Mkdir(sidecar, 0o755) // the server says what is wrong
		args = append(args, "--sidecar", sidecar)
	}
	cmd := exec.Command(path, append(args, s.o.Dir)...)
	cmd.Dir = s.own
	cmd.Env = []string{"HOME=" + s.own, "TMPDIR=" + s.own, "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// launch starts the process from a thread that lives as long as it: the system
// kills the child when the thread that made it ends.
func (s *Server) launch(cmd *exec.Cmd) error {
	s.said, s.ended = new(bytes.Buffer), make(chan struct{})
	cmd.Stdout, cmd.Stderr = s.said, s.said
	started, ended := make(chan error, 1), s.ended
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed in the end
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start versitygw: %w", err)
	}
	s.cmd = cmd
	return nil
}

// answers reports whether this very process answers at its address.
func (s *Server) answers(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+s.health, nil)
	if err != nil {
		return false
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// keepsAttributes reports whether files in dir can have extended attributes.
func keepsAttributes(dir string) bool {
	return syscall.Setxattr(dir, "user.millrace.probe", []byte("1"), 0) == nil
}
