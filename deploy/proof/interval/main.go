// Command interval measures what checkpoints cost: one file through fetch, hash,
// compress, encrypt and publish with checkpoints off and with several intervals,
// round after round, so that all meet the same machine.
//
//	go run ./deploy/proof/interval [-size 1024] [-rounds 3]
//
// It prints the throughput of each interval and its ratio to that without
// checkpoints, from the best round of each.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"filippo.io/age"

	"github.com/millrace/millrace/deploy/proof/rig"
	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/mill"
)

const pipeline = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: interval
spec:
  steps:
    - {id: fetch, uses: fetch@1, timeout: 1h}
    - {id: hash, uses: hash@1, timeout: 1h, with: {algorithms: [sha256, sha512]}}
    - {id: compress, uses: compress@1, timeout: 1h}
    - {id: encrypt, uses: encrypt@1, timeout: 1h, with: {recipients: [%s]}}
    - {id: publish, uses: publish@1, timeout: 1h}
`

// intervals are what is compared, in MiB; -1 is off and comes first.
var intervals = []int64{-1, 4, 16, 32, 64, 256}

func main() {
	rig.Main()
	size := flag.Int64("size", 1024, "MiB of the file")
	rounds := flag.Int("rounds", 3, "how often each interval is measured")
	flag.Parse()
	if err := measure(context.Background(), *size<<20, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "interval:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, size int64, rounds int) (err error) {
	dir, err := os.MkdirTemp("", "millrace-proof-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	input := filepath.Join(dir, "input.csv")
	if err := rig.Generate(input, size); err != nil {
		return err
	}
	source, err := rig.Serve(input)
	if err != nil {
		return err
	}
	defer source.Close()
	best := map[int64]run{}
	for round := range rounds {
		for _, interval := range intervals {
			r, err := once(ctx, filepath.Join(dir, "mill"), source.URL, interval)
			if err != nil {
				return err
			}
			fmt.Printf("round %d, interval %s: %s, %d checkpoints\n", round+1, name(interval), r.took.Round(time.Millisecond), r.saved)
			if b, ok := best[interval]; !ok || r.took < b.took {
				best[interval] = r
			}
		}
	}
	report(best, size)
	return nil
}

func report(best map[int64]run, size int64) {
	fmt.Printf("\n%d MiB through fetch, hash, compress, encrypt and publish, best round\n\n", size>>20)
	fmt.Printf("%-14s %10s %10s %14s %12s\n", "interval", "time", "MiB/s", "against off", "checkpoints")
	for _, interval := range intervals {
		r := best[interval]
		fmt.Printf("%-14s %10s %10.0f %14.2f %12d\n", name(interval), r.took.Round(time.Millisecond),
			float64(size)/(1<<20)/r.took.Seconds(), best[-1].took.Seconds()/r.took.Seconds(), r.saved)
	}
	fmt.Printf("\n%-14s", "seconds")
	for _, step := range steps {
		fmt.Printf(" %10s", step)
	}
	for _, interval := range intervals {
		fmt.Printf("\n%-14s", name(interval))
		for _, step := range steps {
			fmt.Printf(" %10.2f", best[interval].steps[step].Seconds())
		}
	}
	fmt.Println()
}

// steps are those of the pipeline.
var steps = []string{"fetch", "hash", "compress", "encrypt", "publish"}

func name(interval int64) string {
	if interval < 0 {
		return "off"
	}
	return strconv.FormatInt(interval, 10) + " MiB"
}

// run is one job.
type run struct {
	took  time.Duration
	saved int
	steps map[string]time.Duration
}

// once runs the job on a new mill and counts what its steps saved.
func once(ctx context.Context, dir, url string, interval int64) (r run, err error) {
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r.steps = map[string]time.Duration{}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return r, err
	}
	m, err := rig.Start(rig.Config{Config: mill.Config{
		DataDir: dir, HTTPAddr: "127.0.0.1:0", NATSListen: "127.0.0.1:0", AllowPrivateNetworks: true,
		CheckpointBytes: max(interval<<20, -1), CheckpointEvery: time.Hour,
	}})
	if err != nil {
		return r, err
	}
	defer func() {
		_, stopped := m.Stop()
		err = errors.Join(err, stopped)
	}()
	begin := time.Now()
	job, err := rig.Submit(ctx, m.URL, "interval", fmt.Appendf(nil, pipeline, identity.Recipient()), url)
	if err != nil {
		return r, err
	}
	if _, err := rig.Wait(ctx, m.URL, job); err != nil {
		return r, err
	}
	r.took = time.Since(begin)
	return r, rig.With(m.URL, func(c *client.Client) error {
		for rec, err := range c.Records(ctx, job) {
			if err != nil {
				return err
			}
			if o := rec.Input.Outcome; o != nil && o.Verdict == events.VerdictSucceeded {
				r.saved += o.Checkpoints
				r.steps[o.Step] = o.EndedAt.Sub(o.StartedAt)
			}
		}
		return nil
	})
}
