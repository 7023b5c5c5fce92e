// Package hash is the stage that reads every byte of its files, which proves that
// the store still holds them as they were, and reports their checksums.
//
// After a crash it goes on at the byte that was saved last: what an earlier
// attempt has read and checked is not read again, except that content of one
// chunk, at most 8 MiB by default, is always read whole.
//
//	killed                        | the next attempt
//	------------------------------|---------------------------------------------
//	within a file                 | restores the checksums so far and goes on
//	the same, and another version | reads that file from its start
//	of the program cannot restore |
//	them                          |
//	between files                 | goes on with the next one
//	when all files are read       | ends the lists and stores the same ones
package hash

import (
	"context"
	"strconv"

	"github.com/millrace/millrace/events"
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
	r, err := resume(ctx, t, files, c)
	if err != nil {
		return stage.Result{}, err
	}
	defer r.close()
	for r.state.File < len(files) {
		if err := r.file(ctx); err != nil {
			return stage.Result{}, err
		}
	}
	lists, err := r.commit()
	if err != nil {
		return stage.Result{}, err
	}
	return stage.Result{
		Files: append(files[:len(files):len(files)], lists...), Findings: findings(c.Algorithms, files, r.state.Sums),
	}, nil
}

// findings reports the checksums of one file as they are, and those of several
// with the place of the file, from 0. There are no sums when they are too many.
func findings(names []string, files []events.File, sums []string) map[string]string {
	m := map[string]string{
		"files": strconv.Itoa(len(files)),
		"bytes": strconv.FormatInt(stage.Size(files), 10),
	}
	for i, sum := range sums {
		key := names[i%len(names)]
		if len(files) > 1 {
			key += "." + strconv.Itoa(i/len(names))
		}
		m[key] = sum
	}
	return m
}
