// Command load proves that many people and programs at once do not disturb each
// other: clients that follow events and a steady stream of submissions beside running
// stages, on one mill.
//
//	go run ./deploy/proof/load [-time 60s] [-followers 500] [-rate 200] [-limit 50ms]
//
// A tenth of the followers follow all jobs of the tenant, as dashboards do; each of the
// others follows one job after the other, from its submission to its end. It prints how
// long GET /v1/jobs/{id} takes, of the job submitted last and of any, before and under the
// load, as a process of its own sees it that asks 100 times a second, whether or not it was
// answered before. It fails when a request fails, when a follower misses the end of a job,
// when not all jobs complete, or when the 99th percentile of those reads under load is
// above the limit.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/millrace/millrace/deploy/proof/rig"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/services/mill"
)

const pipelineName = "load"

const pipeline = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: load
spec:
  steps:
    - id: identify
      uses: identify@1
    - id: hash
      uses: hash@1
      needs: [identify]
`

func main() {
	rig.Main()
	readerMain()
	var p proof
	flag.DurationVar(&p.time, "time", time.Minute, "how long the load lasts")
	flag.IntVar(&p.followers, "followers", 500, "clients that follow events")
	flag.IntVar(&p.rate, "rate", 200, "submissions per second")
	flag.DurationVar(&p.limit, "limit", 50*time.Millisecond, "the 99th percentile of reads that is allowed under load")
	flag.Parse()
	if err := p.prove(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// prove runs a mill, and the load against it.
func (p *proof) prove(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "millrace-proof-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	m, err := rig.Start(rig.Config{Config: mill.Config{DataDir: dir, HTTPAddr: "127.0.0.1:0"}})
	if err != nil {
		return err
	}
	defer func() {
		_, stopped := m.Stop()
		err = errors.Join(err, stopped)
	}()
	if p.client, err = client.New(client.Config{Server: m.URL, HTTPClient: manyConnections(), Tries: 1}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.client.Close()) }()
	if _, err := p.client.ApplyPipeline(ctx, pipelineName, []byte(pipeline)); err != nil {
		return err
	}
	fmt.Printf("%d followers and %d submissions/s for %s, jobs of two steps\n\n", p.followers, p.rate, p.time)
	calm, err := p.calm(ctx)
	if err != nil {
		return fmt.Errorf("unloaded: %w", err)
	}
	if p.reader, err = startReader(ctx, m.URL); err != nil {
		return err
	}
	if err := p.load(ctx); err != nil {
		return err
	}
	rss, err := m.PeakRSS()
	if err != nil {
		return err
	}
	return p.report(calm, rss)
}
