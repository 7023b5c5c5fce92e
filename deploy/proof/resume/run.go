package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/klauspost/compress/zstd"

	"github.com/millrace/millrace/deploy/proof/rig"
	"github.com/millrace/millrace/deploy/s3test/server"
	"github.com/millrace/millrace/pkg/client"
	"github.com/millrace/millrace/pkg/seal"
	"github.com/millrace/millrace/services/mill"
	"github.com/millrace/millrace/services/stages/publishs3"
)

const bucket = "proof"

// pipeline is the one that is proved, for a recipient.
const pipeline = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: proof
spec:
  steps:
    - {id: fetch, uses: fetch@1, timeout: 1h}
    - {id: hash, uses: hash@1, timeout: 1h, with: {algorithms: [sha256, sha512]}}
    - {id: compress, uses: compress@1, timeout: 1h}
    - {id: encrypt, uses: encrypt@1, timeout: 1h, with: {recipients: [%s]}}
    - {id: publish, uses: publish-s3@1, timeout: 1h, with: {bucket: ` + bucket + `}}
`

// proof is what both runs share.
type proof struct {
	dir      string
	source   *rig.Source
	s3       *server.Server
	identity *age.X25519Identity
	random   *rand.Rand
}

// outcome is what came of a run.
type outcome struct {
	took           time.Duration
	kills, resumed int
	read, served   int64
	idle           int64 // what a start alone reads, afterwards
	digest         string
	size           int64
	uploads        []string
}

// run runs the job on a mill of its own, which is killed when it has read as much as
// each of the lives says.
func (p *proof) run(ctx context.Context, name string, lives []int64) (o outcome, err error) {
	c := rig.Config{Config: mill.Config{
		DataDir: filepath.Join(p.dir, name), HTTPAddr: "127.0.0.1:0", AllowPrivateNetworks: true, CheckpointBytes: interval,
		S3: map[string]publishs3.Endpoint{"default": {
			URL: p.s3.URL, Region: p.s3.Region, PathStyle: true, AccessKey: p.s3.AccessKey, SecretKey: p.s3.SecretKey,
		}},
	}}
	if name == "calm" {
		if err := p.s3.MakeBucket(ctx, bucket); err != nil {
			return o, err
		}
	}
	begin, served := time.Now(), p.source.Served()
	m, err := rig.Start(c)
	if err != nil {
		return o, err
	}
	job, err := rig.Submit(ctx, m.URL, "proof", fmt.Appendf(nil, pipeline, p.identity.Recipient()), p.source.URL)
	if err != nil {
		return o, errors.Join(err, kill(m))
	}
	for {
		limit := int64(math.MaxInt64)
		if o.kills < len(lives) {
			limit = lives[o.kills]
		}
		done, err := wait(ctx, m, job, limit)
		if err != nil {
			return o, errors.Join(err, kill(m))
		}
		if done {
			break
		}
		read, err := m.Kill()
		if err != nil {
			return o, err
		}
		o.kills++
		o.read += read
		if m, err = rig.Start(c); err != nil {
			return o, err
		}
	}
	o.took, o.served = time.Since(begin), p.source.Served()-served
	return p.finish(ctx, c, m, job, o)
}

func kill(m *rig.Mill) error {
	_, err := m.Kill()
	return err
}

// wait waits for the job until the mill has read as much as the limit, and reports
// whether it has completed.
func wait(ctx context.Context, m *rig.Mill, job string, limit int64) (done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var looking sync.WaitGroup
	defer looking.Wait()
	defer cancel()
	looking.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			if read, err := m.Read(); err != nil || read >= limit {
				cancel()
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	_, err = rig.Wait(ctx, m.URL, job)
	if ctx.Err() != nil {
		return false, nil
	}
	return err == nil, err
}

// finish looks at what is left, and ends the mill.
func (p *proof) finish(ctx context.Context, c rig.Config, m *rig.Mill, job string, o outcome) (outcome, error) {
	read, err := m.Read()
	if err != nil {
		return o, err
	}
	o.read += read
	if err := o.history(ctx, m.URL, job); err != nil {
		return o, err
	}
	if err := p.object(ctx, job, &o); err != nil {
		return o, err
	}
	if o.uploads, err = p.s3.Uploads(ctx, bucket); err != nil {
		return o, err
	}
	if _, err = m.Stop(); err != nil {
		return o, err
	}
	o.idle, err = p.idle(c)
	return o, err
}

// idle returns what a mill reads to start when there is nothing to go on with.
func (p *proof) idle(c rig.Config) (int64, error) {
	m, err := rig.Start(c)
	if err != nil {
		return 0, err
	}
	time.Sleep(time.Second)
	return m.Kill()
}

// history prints what the events say of each resumption.
func (o *outcome) history(ctx context.Context, url, job string) error {
	return rig.With(url, func(c *client.Client) error {
		for r, err := range c.Records(ctx, job) {
			if err != nil {
				return err
			}
			if r.Type != "step.resumed" {
				continue
			}
			o.resumed++
			to := r.Job.Steps[r.Step].Resumed
			fmt.Printf("  %-8s %s at %7.1f MiB of %.1f (checkpoint %d) %s\n", r.Step, to.Decision, mib(to.Done), mib(to.Total), to.Checkpoint, to.Reason)
		}
		return nil
	})
}

// object reads what was published, decrypts and decompresses it.
func (p *proof) object(ctx context.Context, job string, o *outcome) error {
	got, err := p.s3.Client().GetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(job + "/input.csv.zst.mrx"),
	})
	if err != nil {
		return err
	}
	defer got.Body.Close()
	body := bufio.NewReaderSize(got.Body, 1<<20)
	header, err := seal.Open(body, p.identity)
	if err != nil {
		return err
	}
	plain, err := header.Payload().Decrypt(body, 0)
	if err != nil {
		return err
	}
	z, err := zstd.NewReader(plain)
	if err != nil {
		return err
	}
	defer z.Close()
	h := sha256.New()
	if o.size, err = z.WriteTo(h); err != nil {
		return err
	}
	o.digest = hex.EncodeToString(h.Sum(nil))
	return nil
}
