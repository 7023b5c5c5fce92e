package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/millrace/millrace/pkg/client"
)

// readerVar tells a process of this proof that it is to read jobs, and where.
const readerVar = "MILLRACE_PROOF_READER"

// reads are how long reads of jobs took.
type reads struct {
	Newest []time.Duration // of the job submitted last
	Any    []time.Duration // of any of those submitted
	Failed []string
}

// reader is a process that reads jobs and does nothing else: one that makes the load as
// well would count the time that it is not there itself.
type reader struct {
	cmd *exec.Cmd
	in  io.WriteCloser // ids of jobs, one by line
	out *json.Decoder
}

// startReader starts reading, as soon as a job is named.
func startReader(ctx context.Context, server string) (*reader, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &reader{cmd: exec.CommandContext(ctx, self)}
	r.cmd.Env = append(os.Environ(), readerVar+"="+server)
	r.cmd.Stderr = os.Stderr
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.out = json.NewDecoder(out)
	return r, r.cmd.Start()
}

// name names a job to read.
func (r *reader) name(id string) error {
	_, err := fmt.Fprintln(r.in, id)
	return err
}

// end ends the reading.
func (r *reader) end() (all reads, err error) {
	err = errors.Join(r.in.Close(), r.out.Decode(&all))
	return all, errors.Join(err, r.cmd.Wait())
}

// readerMain reads jobs and does not return, if this process was started to do so.
func readerMain() {
	server := os.Getenv(readerVar)
	if server == "" {
		return
	}
	if err := readJobs(server, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// readJobs reads the job named last and any one, in turn, at every tick, whatever became
// of the reads before, until no more are named. Then it says how long it took.
func readJobs(server string, in io.Reader, out io.Writer) error {
	c, err := client.New(client.Config{Server: server, HTTPClient: manyConnections(), Tries: 1})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	named := make(chan string)
	go func() {
		defer close(named)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			named <- lines.Text()
		}
	}()
	var all reads
	var mu sync.Mutex
	var reading sync.WaitGroup
	read := func(id string, took *[]time.Duration) {
		began := time.Now()
		_, err := c.Job(context.Background(), id)
		d := time.Since(began)
		mu.Lock()
		defer mu.Unlock()
		*took = append(*took, d)
		if err != nil && len(all.Failed) < 10 {
			all.Failed = append(all.Failed, err.Error())
		}
	}
	ids := []string{<-named}
	tick := time.NewTicker(readEvery)
	defer tick.Stop()
	for n := 0; ; {
		select {
		case id, ok := <-named:
			if !ok {
				reading.Wait()
				return json.NewEncoder(out).Encode(all)
			}
			ids = append(ids, id)
		case <-tick.C:
			id, took := ids[len(ids)-1], &all.Newest
			if n%2 == 1 {
				id, took = ids[rand.IntN(len(ids))], &all.Any
			}
			n++
			reading.Go(func() { read(id, took) })
		}
	}
}
