// Package server runs a PostgreSQL server of its own for tests and proofs, in a
// temporary folder and on a port of loopback.
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/millrace/millrace/deploy/freeport"
)

// Server is a running server with a password that only its URL knows.
type Server struct {
	dir, bin string
	port     int
	as       *syscall.SysProcAttr
	cmd      *exec.Cmd
	exited   chan struct{}
}

// patience is how long the server may take to start.
const patience = time.Minute

const password = "not-in-any-log"

// Start makes a cluster in a temporary folder and runs its server. Where PostgreSQL is
// not installed, it is installed first; see [Install].
func Start(ctx context.Context) (s *Server, err error) {
	bin, err := Install(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "millrace-pg-")
	if err != nil {
		return nil, err
	}
	s = &Server{dir: dir, bin: bin}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.as, err = account(dir); err != nil {
		return s, err
	}
	if err := s.initialize(ctx); err != nil {
		return s, err
	}
	if s.port, err = freeport.Take(); err != nil {
		return s, err
	}
	return s, s.Resume(ctx)
}

// account returns whom the server runs as: it refuses to run as root.
func account(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	const nobody = 65534
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}, os.Chown(dir, nobody, nobody)
}

func (s *Server) initialize(ctx context.Context) error {
	secret := filepath.Join(s.dir, "secret")
	if err := os.WriteFile(secret, []byte(password), 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "--pgdata="+filepath.Join(s.dir, "data"),
		"--username=millrace", "--pwfile="+secret, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	cmd.SysProcAttr, cmd.Dir = s.as, s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// Resume runs the server again after [Server.Stop].
func (s *Server) Resume(ctx context.Context) error {
	var out bytes.Buffer
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.dir, "data"),
		"-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "shared_buffers=64MB", "-c", "max_connections=200")
	cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = s.as, s.dir, &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the server is told to end, or its log says why it did
		close(exited)
	}()
	s.cmd, s.exited = cmd, exited
	for end := time.Now().Add(patience); ; {
		if s.exec(ctx, `SELECT 1`) == nil {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("postgres ended: %s", out.Bytes())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			return errors.New("postgres does not answer")
		}
	}
}

// Stop ends the server at once, as a crash of it would.
func (s *Server) Stop() error {
	if s.cmd == nil {
		return nil
	}
	err := s.cmd.Process.Signal(syscall.SIGQUIT)
	<-s.exited
	s.cmd = nil
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Close ends the server and removes all it had.
func (s *Server) Close() error { return errors.Join(s.Stop(), os.RemoveAll(s.dir)) }

// URL is the address of a database of the server, with user and password.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://millrace:%s@127.0.0.1:%d/%s?sslmode=disable", password, s.port, database)
}

// CreateDatabase makes an empty database, whose name is one of letters and digits.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	return s.exec(ctx, `CREATE DATABASE "`+name+`"`)
}

func (s *Server) exec(ctx context.Context, statement string) error {
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, statement)
	return errors.Join(err, c.Close(ctx))
}
