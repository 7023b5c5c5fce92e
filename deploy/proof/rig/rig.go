// Package rig is what the proofs have in common: a mill in a process of its own
// that can be killed, an HTTP server with a large file that counts what it hands
// out, and files that look the same in every run.
package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/millrace/millrace/pkg/breaker"
	"github.com/millrace/millrace/services/mill"
)

// childVar tells a process of a proof that it is to be a mill.
const childVar = "MILLRACE_PROOF_MILL"

// Config is a mill's configuration as far as it can be handed to a process.
type Config struct {
	mill.Config
	// Limit is the GOMEMLIMIT of the process in bytes. Zero means none.
	Limit int64
	// Open is how long the circuits of the process stay open. Zero means as long as
	// in production.
	Open time.Duration
	// LogFile is what the warnings of the process are appended to. Empty means
	// nothing.
	LogFile string
}

// Main runs a mill and does not return, if this process was started to be one. It
// is the first call of a proof's main.
func Main() {
	raw := os.Getenv(childVar)
	if raw == "" {
		return
	}
	var c Config
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := run(c); err != nil {
		c.complain(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// complain says why the process ends, in its log if it has one.
func (c Config) complain(err error) {
	if f, failed := os.OpenFile(c.LogFile, os.O_APPEND|os.O_WRONLY, 0o600); failed == nil {
		_, _ = fmt.Fprintln(f, "ended:", err)
		_ = f.Close()
		return
	}
	fmt.Fprintln(os.Stderr, err)
}

// run is a mill until it is interrupted. It says where it listens, and in the end
// how much memory was live at most.
func run(c Config) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	m, closeLog, err := c.mill()
	if err != nil {
		return err
	}
	defer closeLog()
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	select {
	case <-m.Ready():
		fmt.Println(m.HTTPURL())
	case err := <-ended:
		return err
	}
	var most uint64
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			fmt.Println(most)
			return err
		case <-tick.C:
			most = max(most, live())
		}
	}
}

// mill makes the mill that the process is to be.
func (c Config) mill() (m *mill.Mill, closeLog func(), err error) {
	closeLog = func() {}
	if c.Open > 0 {
		kinds := breaker.Kinds()
		for name, s := range kinds {
			s.Open = c.Open
			kinds[name] = s
		}
		c.Breakers = breaker.New(breaker.Options{Kinds: kinds, Open: c.Open})
	}
	if c.LogFile != "" {
		f, err := os.OpenFile(c.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, closeLog, err
		}
		closeLog = func() { _ = f.Close() }
		c.Log = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	m, err = mill.New(c.Config)
	return m, closeLog, err
}

// live is how many bytes of the heap were reachable at the last collection.
func live() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// Mill is a mill in a process of its own.
type Mill struct {
	// URL is where it listens.
	URL string

	cmd *exec.Cmd
	out *bufio.Reader
}

// Start starts a mill and returns when it takes work.
func Start(c Config) (*Mill, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	m := &Mill{cmd: exec.Command(self)}
	m.cmd.Env = append(os.Environ(), childVar+"="+string(raw))
	if c.Limit > 0 {
		m.cmd.Env = append(m.cmd.Env, "GOMEMLIMIT="+strconv.FormatInt(c.Limit, 10))
	}
	m.cmd.Stderr = os.Stderr
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	m.out = bufio.NewReader(out)
	line, err := m.out.ReadString('\n')
	m.URL = strings.TrimSpace(line)
	if err != nil {
		return nil, errors.Join(errors.New("the mill does not start"), err, m.cmd.Wait())
	}
	return m, nil
}

// Kill kills the mill with -9 and returns how many bytes it had read in all.
func (m *Mill) Kill() (read int64, err error) {
	if err := m.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return 0, err
	}
	read, err = m.Read()
	if err := m.cmd.Process.Kill(); err != nil {
		return 0, err
	}
	_ = m.cmd.Wait() // says that it was killed
	return read, err
}

// Read returns how many bytes the process has read so far, from files and sockets.
func (m *Mill) Read() (int64, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(m.cmd.Process.Pid) + "/io")
	if err != nil {
		return 0, err
	}
	return field(data, "rchar:")
}

// PeakRSS is the most memory the process ever had resident, in bytes.
func (m *Mill) PeakRSS() (int64, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(m.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0, err
	}
	kib, err := field(data, "VmHWM:")
	return kib << 10, err
}

// field reads a number after a name at the start of a line.
func field(data []byte, name string) (int64, error) {
	for line := range strings.SplitSeq(string(data), "\n") {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		}
	}
	return 0, errors.New("the kernel does not say " + name)
}

// Stop ends the mill in good order and returns how many bytes of its heap were
// live at most.
func (m *Mill) Stop() (live int64, err error) {
	if err := m.cmd.Process.Signal(os.Interrupt); err != nil {
		return 0, err
	}
	line, err := m.out.ReadString('\n')
	if err := errors.Join(err, m.cmd.Wait()); err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(line), 10, 64)
}
