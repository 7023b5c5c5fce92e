// Command large proves that memory does not grow with files: one large file goes
// through every stage that handles bytes, on a mill whose memory is limited.
//
//	go run ./deploy/proof/large [-size 10240] [-cap 128]
//
// It prints how long each step took, how much of the heap was live at most, and
// how much memory the process had at most; and it fails when the job does not
// complete, when what comes back through decrypt and decompress is not what went
// in, or when more of the heap was live than the cap.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/millrace/millrace/deploy/proof/rig"
	"github.com/millrace/millrace/deploy/s3test/server"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/services/mill"
	"github.com/millrace/millrace/services/stages/publishs3"
)

const bucket = "proof"

// pipeline is every stage that handles bytes.
const pipeline = `apiVersion: millrace.dev/v1
kind: Pipeline
metadata:
  name: large
spec:
  steps:
    - {id: fetch, uses: fetch@1, timeout: 12h}
    - {id: identify, uses: identify@1, needs: [fetch], timeout: 12h}
    - {id: hash, uses: hash@1, needs: [identify], timeout: 12h, with: {algorithms: [sha256, sha512]}}
    - {id: compress, uses: compress@1, needs: [hash], timeout: 12h}
    - {id: encrypt, uses: encrypt@1, needs: [compress], timeout: 12h, with: {recipients: [%s]}}
    - {id: decrypt, uses: decrypt@1, needs: [encrypt], timeout: 12h}
    - {id: decompress, uses: decompress@1, needs: [decrypt], timeout: 12h}
    - {id: parquet, uses: csv-to-parquet@1, needs: [decompress], timeout: 12h, with: {max_bad_rows: 1}}
    - {id: folder, uses: publish@1, needs: [encrypt, parquet], timeout: 12h}
    - {id: bucket, uses: publish-s3@1, needs: [folder], timeout: 12h, with: {bucket: ` + bucket + `}}
`

func main() {
	rig.Main()
	size := flag.Int64("size", 10240, "MiB of the file")
	limit := flag.Int64("cap", 128, "MiB of live heap that are allowed; also the GOMEMLIMIT of the mill")
	flag.Parse()
	if err := prove(context.Background(), *size<<20, *limit<<20); err != nil {
		fmt.Fprintln(os.Stderr, "large:", err)
		os.Exit(1)
	}
}

func prove(ctx context.Context, size, limit int64) (err error) {
	fmt.Printf("%d MiB through every stage that handles bytes, GOMEMLIMIT %d MiB\n\n", size>>20, limit>>20)
	dir, err := os.MkdirTemp("", "millrace-proof-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, text, done, err := prepare(ctx, dir, limit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	input := filepath.Join(dir, "input.csv")
	if err := rig.Generate(input, size); err != nil {
		return err
	}
	source, err := rig.Serve(input)
	if err != nil {
		return err
	}
	defer source.Close()
	m, err := rig.Start(c)
	if err != nil {
		return err
	}
	begin := time.Now()
	job, err := rig.Submit(ctx, m.URL, "large", text, source.URL)
	if err != nil {
		return err
	}
	j, err := rig.Wait(ctx, m.URL, job)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	steps(ctx, m.URL, job, size)
	rss, err := m.PeakRSS()
	if err != nil {
		return err
	}
	live, err := m.Stop()
	if err != nil {
		return err
	}
	fmt.Printf("\nall of it: %s; live heap at most %d MiB, resident at most %d MiB\n", took.Round(time.Second), live>>20, rss>>20)
	return check(j, live, limit)
}

// prepare returns the configuration of a mill with an object store, the pipeline,
// and what ends the store.
func prepare(ctx context.Context, dir string, limit int64) (rig.Config, []byte, func() error, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return rig.Config{}, nil, nil, err
	}
	keys := filepath.Join(dir, "identity")
	if err := os.WriteFile(keys, []byte(identity.String()+"\n"), 0o600); err != nil {
		return rig.Config{}, nil, nil, err
	}
	s3, err := server.Start(ctx, server.Options{})
	if err != nil {
		return rig.Config{}, nil, nil, err
	}
	if err := s3.MakeBucket(ctx, bucket); err != nil {
		return rig.Config{}, nil, nil, errors.Join(err, s3.Close())
	}
	return rig.Config{Limit: limit, Config: mill.Config{
		DataDir: filepath.Join(dir, "mill"), HTTPAddr: "127.0.0.1:0", AllowPrivateNetworks: true, IdentityFiles: []string{keys},
		S3: map[string]publishs3.Endpoint{"default": {
			URL: s3.URL, Region: s3.Region, PathStyle: true, AccessKey: s3.AccessKey, SecretKey: s3.SecretKey,
		}},
	}}, fmt.Appendf(nil, pipeline, identity.Recipient()), s3.Close, nil
}

// check holds the job against what was promised.
func check(j *api.Job, live, limit int64) error {
	in, out := j.Job.Steps["fetch"].Files, j.Job.Steps["decompress"].Files
	switch {
	case len(in) != 1 || len(out) != 1 || in[0].Digest != out[0].Digest:
		return fmt.Errorf("%v came back as %v", in, out)
	case live > limit:
		return fmt.Errorf("%d MiB of the heap were live", live>>20)
	}
	fmt.Println("every promise was kept: what came back is what went in")
	return nil
}
