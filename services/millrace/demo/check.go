package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/flow"
)

// Report is what the demo found.
type Report struct {
	Items  []Item
	Checks []Check
	// Took is the time from the first upload to the end of the last job.
	Took time.Duration
	// Bytes are those of the originals, Records the records of all jobs.
	Bytes   int64
	Records int
}

// Check is one thing that was checked for all files.
type Check struct {
	Name string `json:"name"`
	// Passed of Total passed.
	Passed int `json:"passed"`
	Total  int `json:"total"`
	// Problems are what did not pass, at most ten.
	Problems []string `json:"problems,omitempty"`
}

// OK reports whether everything passed.
func (c Check) OK() bool { return c.Passed == c.Total }

// OK reports whether every check passed.
func (r *Report) OK() bool {
	return !slices.ContainsFunc(r.Checks, func(c Check) bool { return !c.OK() })
}

// Again counts the attempts that were told to fail and were made again, and the
// others.
func (r *Report) Again() (hiccups, retries int) {
	for _, i := range r.Items {
		hiccups += i.Hiccups
		retries += i.Retries
	}
	return hiccups, retries
}

// checker makes one check of one item. It returns what is wrong, or "".
type checker func(c Config, item *Item, history []events.Record) string

// checkers are the checks that every item goes through.
var checkers = []struct {
	name string
	make checker
}{
	{"jobs completed", completed},
	{"published files decompress to the bytes of their originals (sha256)", restores},
	{"files came through compress and decompress unchanged inside the mill", roundTrip},
	{"histories without a gap, each ending in a final state", gapless},
}

// check looks at every item with its own eyes: at the files on disk and at the
// history, not at what the mill says of them.
func check(ctx context.Context, c Config, items []Item, took time.Duration) *Report {
	r := &Report{Items: items, Took: took}
	for _, k := range checkers {
		r.Checks = append(r.Checks, Check{Name: k.name, Total: len(items)})
	}
	for i := range items {
		item := &items[i]
		records := history(ctx, c, item)
		r.Bytes += item.Size
		r.Records += len(records)
		for n, k := range checkers {
			wrong := k.make(c, item, records)
			if wrong == "" {
				r.Checks[n].Passed++
				continue
			}
			r.Checks[n].fail(item.Path + ": " + wrong)
			item.Problems = append(item.Problems, wrong)
		}
	}
	r.Checks = append(r.Checks, nothingElse(c, items))
	return r
}

func (c *Check) fail(problem string) {
	if len(c.Problems) < 10 {
		c.Problems = append(c.Problems, problem)
	}
}

func completed(_ Config, item *Item, _ []events.Record) string {
	if item.Err != nil {
		return item.Err.Error()
	}
	return ""
}

// restores decompresses the published file and compares it with the original.
func restores(c Config, item *Item, _ []events.Record) string {
	if item.Published == "" {
		return "nothing was published"
	}
	rel, err := filepath.Rel(c.Results, item.Published)
	if err != nil || !filepath.IsLocal(rel) {
		return "it was published outside " + c.Results
	}
	f, err := os.Open(item.Published)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil {
		item.PublishedSize = info.Size()
	}
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err.Error()
	}
	defer z.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(z, item.Size+1)); err != nil {
		return "decompress: " + err.Error()
	}
	if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); got != item.Digest {
		return "it decompresses to " + got + ", the original is " + item.Digest
	}
	return ""
}

// roundTrip compares what the step verify was given with the original.
func roundTrip(_ Config, item *Item, history []events.Record) string {
	if len(history) == 0 {
		return "there is no history"
	}
	files := history[len(history)-1].Job.Steps["verify"].Files
	if len(files) != 1 || files[0].Digest != item.Digest {
		return "the way back ended in another file"
	}
	return ""
}

// gapless looks at the revisions of a history.
func gapless(_ Config, _ *Item, history []events.Record) string {
	for i, r := range history {
		if r.Revision != uint64(i+1) {
			return fmt.Sprintf("revision %d follows %d", r.Revision, i)
		}
	}
	if len(history) == 0 || !flow.Final(history[len(history)-1].Job.State) {
		return "the history has no end"
	}
	return ""
}

// history reads the records of a job. What cannot be read is not there, and the
// checks say so.
func history(ctx context.Context, c Config, item *Item) []events.Record {
	if item.Job == "" {
		return nil
	}
	var out []events.Record
	for r, err := range c.Client.Records(ctx, item.Job) {
		if err != nil {
			return out
		}
		out = append(out, r)
	}
	return out
}

// nothingElse looks whether the results hold anything but what was published.
func nothingElse(c Config, items []Item) Check {
	k := Check{Name: "files in the results, and no other, no half ones, no doubles"}
	expected := map[string]bool{}
	for _, i := range items {
		if i.Published != "" {
			expected[i.Published] = true
		}
	}
	k.Total = len(items)
	extra := 0
	err := filepath.WalkDir(c.Results, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return nil
		case !expected[path]:
			extra++
			k.fail("unexpected " + strings.TrimPrefix(path, c.Results+"/"))
		default:
			k.Passed++
		}
		return nil
	})
	if err != nil {
		k.fail(err.Error())
	}
	if extra > 0 || err != nil {
		k.Passed = min(k.Passed, k.Total-1)
	}
	return k
}
