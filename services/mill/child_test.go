package mill_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/millrace/millrace/deploy/freeport"
	"github.com/millrace/millrace/pkg/pressure"
	"github.com/millrace/millrace/services/mill"
)

// childEnv makes the test binary a process of the mill instead of a test.
const childEnv = "MILLRACE_TEST_CHILD"

func TestMain(m *testing.M) {
	if arg := os.Getenv(childEnv); arg != "" {
		os.Exit(childMain(arg))
	}
	os.Exit(m.Run())
}

// childConfig is what a child process is to be: a broker, or a part of a mill.
type childConfig struct {
	Broker struct {
		Dir  string
		Port int
	}
	Mill *childMill
}

// childMill is the part of mill.Config that a test sets.
type childMill struct {
	DataDir, NATSURL, NATSListen, HTTPAddr, PublishDir, ArtifactDir, Durability string
	Roles, AllowPaths, AllowCommands                                            []string
	DiskReserve, CheckpointBytes                                                int64
	ReconcileEvery, Drain                                                       time.Duration
	DiskPark                                                                    pressure.Mark
	AllowPrivateNetworks                                                        bool
	// TinyDisk is a folder that becomes a disk of a few MiB which only the
	// child sees. SIGUSR1 makes it large.
	TinyDisk string
}

func childMain(arg string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var c childConfig
	if err := json.Unmarshal([]byte(arg), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	var err error
	if c.Mill == nil {
		err = runBroker(ctx, c.Broker.Dir, c.Broker.Port)
	} else {
		err = runMill(ctx, *c.Mill)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	return 0
}

func runBroker(ctx context.Context, dir string, port int) error {
	s, err := server.NewServer(&server.Options{
		JetStream: true, StoreDir: dir, Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true,
	})
	if err != nil {
		return err
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		return fmt.Errorf("broker does not start on port %d", port)
	}
	fmt.Println("ready")
	<-ctx.Done()
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

const (
	tinyDisk  = "size=16m"
	largeDisk = "size=256m"
)

// mountTiny puts a small disk at dir, in this process's own mount namespace, and
// enlarges it at SIGUSR1.
func mountTiny(ctx context.Context, dir string) error {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, tinyDisk); err != nil {
		return os.NewSyscallError("mount", err)
	}
	larger := make(chan os.Signal, 1)
	signal.Notify(larger, syscall.SIGUSR1)
	go func() {
		defer signal.Stop(larger)
		select {
		case <-ctx.Done():
		case <-larger:
			if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, largeDisk); err != nil {
				fmt.Fprintln(os.Stderr, "remount:", err)
			}
		}
	}()
	return nil
}

// ownMounts lets a child mount what nobody else sees: as root, or else as the
// root of a user namespace of its own.
func ownMounts(a *syscall.SysProcAttr) {
	if os.Geteuid() == 0 {
		a.Unshareflags = syscall.CLONE_NEWNS
		return
	}
	a.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
}

func runMill(ctx context.Context, c childMill) error {
	if c.TinyDisk != "" {
		if err := mountTiny(ctx, c.TinyDisk); err != nil {
			return err
		}
	}
	m, err := mill.New(mill.Config{
		CheckpointBytes: c.CheckpointBytes,
		DataDir:         c.DataDir, NATSURL: c.NATSURL, NATSListen: c.NATSListen, HTTPAddr: c.HTTPAddr,
		Roles: c.Roles, PublishDir: c.PublishDir, ArtifactDir: c.ArtifactDir, Durability: c.Durability,
		AllowPaths: c.AllowPaths, AllowCommands: c.AllowCommands, DiskReserve: c.DiskReserve,
		ReconcileEvery: c.ReconcileEvery, Drain: c.Drain, DiskPark: c.DiskPark,
		AllowPrivateNetworks: c.AllowPrivateNetworks,
		Log:                  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	select {
	case <-m.Ready():
		fmt.Println("ready")
	case err := <-ended:
		return err
	}
	return <-ended
}

// process is a child that can be killed and started again.
type process struct {
	t    *testing.T
	name string
	arg  string
	log  *tail
	own  bool // mounts

	mu  sync.Mutex
	cmd *exec.Cmd
}

func newProcess(t *testing.T, name string, c childConfig) *process {
	t.Helper()
	arg, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, name: name, arg: string(arg), log: &tail{}, own: c.Mill != nil && c.Mill.TinyDisk != ""}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the end of what %s said:\n%s", name, p.log)
		}
	})
	return p
}

// start starts the child and waits until it says that it is ready.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+p.arg)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if p.own {
		ownMounts(cmd.SysProcAttr)
	}
	cmd.Stderr = p.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd = cmd
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "ready" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		p.cmd = nil
		return fmt.Errorf("%s did not get ready: %q %v\n%s", p.name, line, err, p.log)
	}
	return nil
}

// kill ends the child with SIGKILL and waits for it.
func (p *process) kill() { p.signal(syscall.SIGKILL) }

// stop ends the child with SIGTERM and waits for it.
func (p *process) stop() { p.signal(syscall.SIGTERM) }

// poke sends the child a signal that it lives on after.
func (p *process) poke(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Signal(sig)
}

func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(sig)
	_ = p.cmd.Wait()
	p.cmd = nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

var _ io.Writer = (*tail)(nil)

func (w *tail) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.data = append(w.data, b...)
	if over := len(w.data) - 16<<10; over > 0 {
		w.data = w.data[over:]
	}
	return len(b), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.data)
}

// fewer is n, or half of it when tests are to be short: under the race detector all
// that is killed takes several times as long to start, and each job and byte as well.
func fewer(n int) int {
	if testing.Short() {
		return max(n/2, 1)
	}
	return n
}

// freePort returns a port that nobody takes while its server is down.
func freePort(t *testing.T) int {
	t.Helper()
	port, err := freeport.Take()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func local(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
