package command

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/millrace/millrace/pkg/fault"
)

// maxEntries is how many files a program may have at once.
const maxEntries = 20_000

// budget is how much one run may print and write. It is safe for concurrent use.
type budget struct {
	limit   int64
	printed atomic.Int64
	once    sync.Once
	over    chan struct{} // closed when the limit is passed
}

func newBudget(limit int64) *budget { return &budget{limit: limit, over: make(chan struct{})} }

func (b *budget) pass() { b.once.Do(func() { close(b.over) }) }

// exceeded returns the fault of a run that went beyond its limit.
func (b *budget) exceeded() error {
	select {
	case <-b.over:
		return fault.New(fault.CommandTooMuchOutput, fmt.Sprintf("limit %d bytes", b.limit), nil)
	default:
		return nil
	}
}

// writer returns a writer that counts and then writes to w.
func (b *budget) writer(w io.Writer) io.Writer { return &counted{b: b, w: w} }

type counted struct {
	b *budget
	w io.Writer
}

func (c *counted) Write(p []byte) (int, error) {
	if c.b.printed.Add(int64(len(p))) > c.b.limit {
		c.b.pass()
		return 0, c.b.exceeded()
	}
	return c.w.Write(p)
}

// measure adds up what the program has written to files. What vanishes while it
// looks does not count.
func (b *budget) measure(dir string) {
	size, entries := b.printed.Load(), 0
	inputs, results := filepath.Join(dir, "in")+"/", filepath.Join(dir, "made")+"/"
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || strings.HasPrefix(path, inputs) || strings.HasPrefix(path, results) {
			return nil
		}
		entries++
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		if size > b.limit || entries > maxEntries {
			b.pass()
			return filepath.SkipAll
		}
		return nil
	})
}
