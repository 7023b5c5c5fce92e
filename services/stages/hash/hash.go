// Package hash is the stage that reads every byte of its files, which proves that
// the store still holds them as they were, and reports their checksums.
package hash

import (
	"context"
	"encoding/hex"
	"fmt"
	stdhash "hash"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/stage"
)

// maxSums is how many checksums are reported as findings. Beyond that they are
// only found in the file that sums asks for.
const maxSums = 60

// New returns the stage hash@1.
func New() stage.Stage { return &hasher{spec: spec()} }

type hasher struct{ spec stage.Spec }

func (h *hasher) Spec() stage.Spec { return h.spec }

// Run reads all files.
func (h *hasher) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	c := config{Algorithms: []string{sha256Name}}
	if err := t.Config(&c); err != nil {
		return stage.Result{}, err
	}
	meter := t.Meter(stage.Size(files))
	sums := make([]map[string]string, len(files))
	for i, f := range files {
		if sums[i], err = sumsOf(ctx, t.Store, f, c.Algorithms, meter); err != nil {
			return stage.Result{}, err
		}
	}
	out := slices.Clone(files)
	if c.Sums {
		for _, name := range c.Algorithms {
			f, err := list(ctx, t.Store, name, files, sums)
			if err != nil {
				return stage.Result{}, err
			}
			out = append(out, f)
		}
	}
	return stage.Result{Files: out, Findings: findings(c.Algorithms, files, sums)}, nil
}

// sumsOf reads f to its end and returns its checksums by algorithm.
//
// The store checks each block of the content against the SHA-256 that names it
// before it hands the block out. A file that was read to its end therefore has
// that SHA-256, and computing it here again would prove nothing more.
func sumsOf(
	ctx context.Context, store *artifact.Store, f events.File, names []string, m *stage.Meter,
) (map[string]string, error) {
	r, err := store.Open(ctx, f.Digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	sums := map[string]string{}
	hashes := map[string]stdhash.Hash{}
	var writers []io.Writer
	for _, name := range names {
		if name == sha256Name {
			sums[name] = strings.TrimPrefix(f.Digest, "sha256:")
			continue
		}
		hashes[name] = algorithms[name]()
		writers = append(writers, hashes[name])
	}
	if _, err := r.WriteTo(m.Writer(ctx, io.MultiWriter(writers...))); err != nil {
		return nil, err
	}
	for name, h := range hashes {
		sums[name] = hex.EncodeToString(h.Sum(nil))
	}
	return sums, nil
}

// findings reports the checksums of one file as they are, and those of several
// with the place of the file, from 0.
func findings(names []string, files []events.File, sums []map[string]string) map[string]string {
	m := map[string]string{
		"files": strconv.Itoa(len(files)),
		"bytes": strconv.FormatInt(stage.Size(files), 10),
	}
	if len(names)*len(files) > maxSums {
		return m
	}
	for i := range files {
		for name, sum := range sums[i] {
			key := name
			if len(files) > 1 {
				key += "." + strconv.Itoa(i)
			}
			m[key] = sum
		}
	}
	return m
}

// list stores the checksums of all files in the format of sha256sum and its kin.
func list(
	ctx context.Context, store *artifact.Store, name string, files []events.File, sums []map[string]string,
) (events.File, error) {
	var b strings.Builder
	for i, f := range files {
		fmt.Fprintf(&b, "%s  %s\n", sums[i][name], f.Name)
	}
	return store.Put(ctx, strings.NewReader(b.String()), &artifact.PutOptions{
		Name: strings.ToUpper(name) + "SUMS", MediaType: "text/plain",
	})
}
