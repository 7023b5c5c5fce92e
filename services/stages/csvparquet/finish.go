package csvparquet

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// open begins the outputs, or goes on with those that were open at the place.
func (c *conversion) open(ctx context.Context, h *head) error {
	var err error
	o := &artifact.PutOptions{Name: nameOf(c.file.Name, tableEnding), MediaType: tableType}
	if c.out, err = c.run.Output(ctx, c.key, o); err != nil {
		return err
	}
	if c.at.Stored > 0 {
		if err := c.openParts(ctx); err != nil {
			return err
		}
	}
	if c.at.Reported > 0 {
		if err := c.openReport(ctx); err != nil {
			return err
		}
	}
	for _, o := range []struct {
		w    *artifact.Writer
		size int64
	}{{c.out, c.at.Wrote}, {c.parts, c.at.Stored}, {c.report, c.at.Reported}} {
		if size(o.w) != o.size {
			return fault.New(fault.InternalBug, fmt.Sprintf("an output is resumed at byte %d and not %d", size(o.w), o.size), nil)
		}
	}
	if c.at.Wrote > 0 {
		return nil
	}
	c.at.Read, c.at.Line = h.offset, h.line
	c.meter.Add(h.offset)
	_, err = c.out.Write([]byte(magic))
	return err
}

// size is how much was written to w, which may be nil.
func size(w *artifact.Writer) int64 {
	if w == nil {
		return 0
	}
	return w.Size()
}

func (c *conversion) openParts(ctx context.Context) (err error) {
	if c.parts == nil {
		c.parts, err = c.run.Output(ctx, c.key+".parts", nil)
	}
	return err
}

func (c *conversion) openReport(ctx context.Context) (err error) {
	if c.report == nil {
		o := &artifact.PutOptions{Name: nameOf(c.file.Name, reportEnding), MediaType: reportType}
		c.report, err = c.run.Output(ctx, c.key+".report", o)
	}
	return err
}

// abort drops what was not committed.
func (c *conversion) abort() {
	for _, w := range []*artifact.Writer{c.out, c.parts, c.report} {
		if w != nil {
			w.Abort()
		}
	}
}

// finish writes the last row group and the end of the file.
func (c *conversion) finish(ctx context.Context) error {
	var err error
	if c.group.rows > 0 {
		if c.last, err = c.flush(); err != nil {
			return err
		}
	}
	stored := ""
	if c.parts != nil {
		f, err := c.parts.Commit()
		if err != nil {
			return err
		}
		stored = f.Digest
	}
	end := &footer{table: c.table, rows: c.at.Rows, groups: c.at.Groups}
	end.each = func(section int, fn func([]byte) error) error {
		if stored != "" {
			if err := c.storedParts(ctx, stored, section, fn); err != nil {
				return err
			}
		}
		if c.last == nil {
			return nil
		}
		return fn(c.last[section])
	}
	return end.writeTo(c.out, c.out.Size())
}

// storedParts calls fn with one section of each stored part.
func (c *conversion) storedParts(ctx context.Context, digest string, section int, fn func([]byte) error) error {
	r, err := c.t.Store.Open(ctx, digest)
	if err != nil {
		return err
	}
	defer r.Close()
	for buffered := bufio.NewReaderSize(r, 64<<10); ; {
		data, err := readSection(buffered, section)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := fn(data); err != nil {
			return err
		}
	}
}

// commit finishes the outputs and the place with them.
func (c *conversion) commit(i int) error {
	made, err := c.out.Commit()
	if err != nil {
		return err
	}
	done := c.work.at
	if c.report != nil {
		report, err := c.report.Commit()
		if err != nil {
			return err
		}
		if err := done.Reports.Add(report); err != nil {
			return err
		}
		done.Reported = append(done.Reported, i)
	}
	done.Rows += c.at.Rows
	done.Bad += c.at.Bad
	done.Current = progress{}
	return done.Tables.Add(made)
}
