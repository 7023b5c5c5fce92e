package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"github.com/millrace/millrace/pkg/fault"
)

// How often what a program has written is measured, and how long its output may
// stay open after it has ended.
const (
	measureEvery = 250 * time.Millisecond
	waitDelay    = 500 * time.Millisecond
)

// tempFail is the exit status that asks to be tried later: EX_TEMPFAIL.
const tempFail = 75

// execute runs the program with what it prints going to stdout, and returns why
// it failed.
func (r *run) execute(ctx context.Context, args []string, stdout io.Writer) error {
	stdin, closeStdin := r.stdin(ctx)
	defer closeStdin()
	cmd := exec.Command(r.path, args...)
	cmd.Args[0] = r.cfg.Run[0]
	cmd.Dir = filepath.Join(r.dir, "work")
	cmd.Env = r.environment()
	cmd.Stdin = stdin
	cmd.Stdout = r.budget.writer(stdout)
	cmd.Stderr = r.budget.writer(&r.errors)
	cmd.WaitDelay = waitDelay
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	r.started = true
	started, ended := make(chan error, 1), make(chan error, 1)
	go live(cmd, started, ended) // waited for below
	if err := <-started; err != nil {
		r.started = false
		return startFault(r.cfg.Run[0], err)
	}
	stopped, err := r.watch(ctx, cmd.Process.Pid, ended)
	if stopped != nil {
		return stopped
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if row, ok := stdinFault(err); ok {
		return row
	}
	return r.verdict(err)
}

// live starts the program and waits for its end. When it has ended, what is left
// of its process group is killed before its process id is given back.
//
// It stays on its thread, because the program is to die with the mill, and the
// kernel takes the end of the thread for that.
func live(cmd *exec.Cmd, started, ended chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	started <- err
	if err != nil {
		return
	}
	awaitExit(cmd.Process.Pid)
	kill(cmd.Process.Pid, syscall.SIGKILL)
	ended <- cmd.Wait()
}

// watch returns how the program ended, and why it was made to end if it was.
func (r *run) watch(ctx context.Context, pid int, ended <-chan error) (stopped, err error) {
	var limit <-chan time.Time // nil: none
	if r.cfg.TimeLimit > 0 {
		t := time.NewTimer(time.Duration(r.cfg.TimeLimit))
		defer t.Stop()
		limit = t.C
	}
	measure := time.NewTicker(measureEvery)
	defer measure.Stop()
	for {
		select {
		case err := <-ended:
			return r.budget.exceeded(), err
		case <-ctx.Done():
			r.end(pid, ended)
			return context.Cause(ctx), nil
		case <-limit:
			r.end(pid, ended)
			return fault.New(fault.CommandTimeout, time.Duration(r.cfg.TimeLimit).String(), nil), nil
		case <-r.budget.over:
			kill(pid, syscall.SIGKILL)
			<-ended
			return r.budget.exceeded(), nil
		case <-measure.C:
			r.budget.measure(r.dir)
		}
	}
}

// end asks the program to end, and makes it end when it does not.
func (r *run) end(pid int, ended <-chan error) {
	kill(pid, syscall.SIGTERM)
	grace := time.NewTimer(r.grace)
	defer grace.Stop()
	select {
	case <-ended:
		return
	case <-grace.C:
	}
	kill(pid, syscall.SIGKILL)
	<-ended
}

// kill signals the process group of the program. It may be gone already.
func kill(pid int, sig syscall.Signal) { _ = syscall.Kill(-pid, sig) }

// awaitExit returns when the process has ended, and leaves its process id taken.
func awaitExit(pid int) {
	const (
		byPID    = 1 // P_PID
		noReap   = 0x1000000
		exited   = 4
		infoSize = 128 // of siginfo_t
	)
	var info [infoSize / 8]uint64
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, byPID, uintptr(pid),
			uintptr(unsafe.Pointer(&info)), exited|noReap, 0, 0)
		if errno != syscall.EINTR {
			return
		}
	}
}

// environment is all that a program gets to know of the mill's environment.
func (r *run) environment() []string {
	tmp := filepath.Join(r.dir, "tmp")
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + filepath.Join(r.dir, "work"), "TMPDIR=" + tmp,
		"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC",
		"MILLRACE_TENANT=" + r.task.Tenant, "MILLRACE_JOB=" + r.task.Job,
		"MILLRACE_STEP=" + r.task.Step, "MILLRACE_ATTEMPT=" + strconv.Itoa(r.task.Attempt),
		"MILLRACE_KEY=" + r.key(),
	}
	if r.undo {
		env = append(env, "MILLRACE_UNDO=1")
	}
	return env
}

// verdict makes a fault of the way the program ended by itself.
func (r *run) verdict(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrWaitDelay):
		return r.failed(fault.CommandFailed, "it left a process behind that holds its output open")
	case !errors.As(err, &exit):
		return fault.New(fault.CommandFailed, r.cfg.Run[0], err)
	case exit.ExitCode() == tempFail:
		return r.failed(fault.CommandTryLater, "exit status 75")
	}
	return r.failed(fault.CommandFailed, exit.ProcessState.String())
}

// failed is a fault with the end of what the program complained.
func (r *run) failed(code fault.Code, how string) error {
	detail := fault.Clip(r.cfg.Run[0], 100) + ": " + how
	if said := r.errors.last(800); said != "" { // a fault has room for 1 KiB
		detail += ": " + said
	}
	if r.task.Log != nil {
		r.task.Log.Info("command failed", "command", r.cfg.Run[0], "how", how, "stderr", r.errors.last(tailSize))
	}
	return fault.New(code, detail, nil)
}

func startFault(name string, err error) error {
	code := fault.CommandNotFound
	for _, busy := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.ETXTBSY, syscall.EMFILE} {
		if errors.Is(err, busy) {
			code = fault.CommandTryLater
		}
	}
	if errors.Is(err, syscall.E2BIG) {
		code = fault.CommandFailed
	}
	return fault.New(code, fmt.Sprintf("start %s", fault.Clip(name, 200)), plain(err))
}
