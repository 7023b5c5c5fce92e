package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/millrace/millrace/pkg/fault"
)

// childVariable holds what a child process is to do.
const childVariable = "MILLRACE_PROOF_EFFECTS_CHILD"

// order is what a child process is told.
type order struct {
	Attempt attempt
	Dir     string
	// First: it crashes or stops where the plan says, if that is at its ledger.
	First bool
}

// stopped is what a child says before it stops itself.
const stopped = "stopped"

// child is the main function of a child process.
func child(text string) int {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, "effects:", err)
		return 1
	}
	files := fileLog{o.Dir}
	s := newStage()
	var out outcome
	if o.First {
		out = o.Attempt.run(context.Background(), s, &mortal{Log: files, point: o.Attempt.Plan.Point, happen: func() {
			if o.Attempt.Plan.Zombie {
				fmt.Println(stopped)
				_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // of ourselves: cannot fail
				return
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until it arrives
		}})
	} else {
		out = o.Attempt.run(context.Background(), s, files)
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		return 1
	}
	return 0
}

// process is a worker with a process of its own.
type process struct {
	*stalling
	cmd *exec.Cmd
	end chan struct{}
	out outcome
}

func (h *hall) startProcess(ctx context.Context, a attempt, first bool) (worker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(order{Attempt: a, Dir: h.files.dir, First: first})
	if err != nil {
		return nil, err
	}
	p := &process{stalling: newStalling(a.Plan.Hold), end: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, self)
	p.cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	p.cmd.Stderr = os.Stderr
	said, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.end)
		p.out = outcome{Died: true}
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			if bytes.Equal(lines.Bytes(), []byte(stopped)) {
				go p.resume()
				continue
			}
			var out outcome
			if json.Unmarshal(lines.Bytes(), &out) == nil {
				p.out = out
			}
		}
		_ = p.cmd.Wait() // killed, mostly
	}()
	return p, nil
}

// resume lets a process that has stopped itself go on when its stall is over. The
// signal may come before it has stopped, so it is repeated.
func (p *process) resume() {
	p.stall()
	for {
		_ = p.cmd.Process.Signal(syscall.SIGCONT) // it may be gone
		select {
		case <-p.end:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *process) done() <-chan struct{} { return p.end }
func (p *process) outcome() outcome      { return p.out }

// die kills the process and waits until it is gone.
func (p *process) die() {
	_ = p.cmd.Process.Kill() // it may be gone
	<-p.end
}

// died is the outcome of a process that could not be started.
func died(err error) outcome { return outcome{Code: fault.InternalBug, Message: err.Error()} }
