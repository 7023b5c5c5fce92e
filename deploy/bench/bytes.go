package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
)

// bytesPipeline hashes, compresses and publishes.
const bytesPipeline = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: bytes
spec:
  steps:
    - id: hash
      uses: hash@1
      timeout: 1h
    - id: compress
      uses: compress@1
      needs: [hash]
      timeout: 1h
    - id: publish
      uses: publish@1
      timeout: 1h
`

// measureBytes runs one large file through hash, compress and publish, and the
// same file through sha256sum and zstd by hand.
func measureBytes(ctx context.Context, size int64) (err error) {
	dir, err := os.MkdirTemp("", "millrace-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "input.log")
	if err := generate(file, size); err != nil {
		return err
	}
	c, err := startChild(filepath.Join(dir, "mill"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	up, work, packed, err := c.process(ctx, file)
	if err != nil {
		return err
	}
	rss, err := c.peakRSS()
	if err != nil {
		return err
	}
	hand, handPacked, err := byHand(ctx, dir, file)
	if err != nil {
		return err
	}
	mb := func(d time.Duration) float64 { return float64(size) / 1e6 / d.Seconds() }
	fmt.Printf("%d MiB of log lines; hash, compress and publish\n\n", size>>20)
	fmt.Printf("%-44s %9s %9s %9s\n", "", "time", "MB/s", "ratio")
	fmt.Printf("%-44s %9s %9.0f %9s   packed to %d MiB\n", "by hand: sha256sum and zstd -T0, then sync", hand.Round(time.Millisecond), mb(hand), "1.00", handPacked>>20)
	fmt.Printf("%-44s %9s %9.0f %9.2f   packed to %d MiB\n", "millrace: hash, compress, publish", work.Round(time.Millisecond), mb(work), hand.Seconds()/work.Seconds(), packed>>20)
	fmt.Printf("%-44s %9s %9.0f\n", "millrace: upload into the store before that", up.Round(time.Millisecond), mb(up))
	fmt.Printf("\npeak resident memory of the mill: %d MiB\n", rss>>20)
	return nil
}

// generate writes lines that compress as logs do, the same in every run.
func generate(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	state := uint64(1)
	for n := int64(0); n < size; {
		state = state*6364136223846793005 + 1442695040888963407
		line := fmt.Sprintf(`{"ts":"2026-01-%02dT%02d:%02d:%02dZ","level":"info","user":%d,"path":"/v1/items/%d","ms":%d,"trace":"%016x"}`+"\n",
			state>>60+1, state>>33%24, state>>40%60, state>>50%60, state>>20%100000, state>>30%5000, state>>45%900, state)
		if int64(len(line)) > size-n {
			line = line[:size-n]
		}
		k, err := w.WriteString(line)
		if err != nil {
			return errors.Join(err, f.Close())
		}
		n += int64(k)
	}
	return errors.Join(w.Flush(), f.Sync(), f.Close())
}

// byHand is the same work by the usual tools, on the same disk and as durable.
func byHand(ctx context.Context, dir, file string) (time.Duration, int64, error) {
	out := filepath.Join(dir, "hand.zst")
	begin := time.Now()
	sh := exec.CommandContext(ctx, "sh", "-c", `sha256sum "$1" > "$2.sum" && zstd -q -T0 -f "$1" -o "$2" && sync "$2" "$2.sum"`, "sh", file, out)
	sh.Stderr = os.Stderr
	if err := sh.Run(); err != nil {
		return 0, 0, fmt.Errorf("sha256sum and zstd (apt-get install zstd): %w", err)
	}
	took := time.Since(begin)
	info, err := os.Stat(out)
	if err != nil {
		return 0, 0, err
	}
	return took, info.Size(), nil
}

// child is a mill in a process of its own, so that its memory can be seen.
type child struct {
	cmd  *exec.Cmd
	addr string
}

func startChild(dir string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, millCommand, dir)}
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	_, err = fmt.Fscanln(bufio.NewReader(out), &c.addr)
	return c, err
}

func (c *child) stop() error {
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	return c.cmd.Wait()
}

// process uploads a file, runs the pipeline on it, and returns how long each took
// and how large the result is.
func (c *child) process(ctx context.Context, file string) (up, work time.Duration, packed int64, err error) {
	cl, err := client.New(client.Config{Server: c.addr})
	if err != nil {
		return 0, 0, 0, err
	}
	defer func() { err = errors.Join(err, cl.Close()) }()
	if _, err := cl.ApplyPipeline(ctx, "bytes", []byte(bytesPipeline)); err != nil {
		return 0, 0, 0, err
	}
	begin := time.Now()
	f, err := cl.UploadFile(ctx, file, client.Upload{Name: "input.log"})
	if err != nil {
		return 0, 0, 0, err
	}
	up = time.Since(begin)
	begin = time.Now()
	r, err := cl.Submit(ctx, "bytes", events.Submission{Files: []events.Source{{Name: f.Name, Digest: f.Digest}}})
	if err != nil {
		return 0, 0, 0, err
	}
	j, err := cl.Wait(ctx, r.Job)
	if err != nil {
		return 0, 0, 0, err
	}
	if j.Job.State != events.JobCompleted {
		return 0, 0, 0, fmt.Errorf("the job ended as %s: %+v", j.Job.State, j.Job.Fault)
	}
	work = time.Since(begin)
	for _, out := range j.Job.Steps["compress"].Files {
		packed += out.Size
	}
	return up, work, packed, nil
}

// peakRSS is the most memory the mill ever had resident, in bytes.
func (c *child) peakRSS() (int64, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(c.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("the kernel does not say how much memory was resident")
}
