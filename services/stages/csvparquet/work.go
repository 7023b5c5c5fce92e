package csvparquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// When a row group ends, besides its rows.
const (
	groupBytes  = 16 << 20 // of CSV
	groupValues = 2 << 20
	// doubling is after how many row groups the rows of one double, so that large
	// files have few.
	doubling = 1000
)

// work is one attempt.
type work struct {
	t     *stage.Task
	c     *config
	run   *checkpoint.Run
	at    *place
	meter *stage.Meter
	// base is the size of the inputs that are done, of total.
	base, total int64
}

// conversion is the work on one file.
type conversion struct {
	*work
	at    *progress
	key   string
	file  events.File
	table *table
	group *group
	scan  *scanner
	// room says whether the result has room for a report.
	room bool

	// out is the Parquet file, parts what its end is made of, and report the bad
	// rows. The last two are nil until they are needed.
	out, parts, report *artifact.Writer
	// last is the part of the last row group, which need not be stored.
	last *part
}

// convert makes the outputs of f, the input with number i, from the place on.
func (w *work) convert(ctx context.Context, i int, f events.File) error {
	h, err := readHead(ctx, w.t, w.c, f)
	if err != nil {
		return err
	}
	t := newTable(h.columns, w.c.Null)
	c := &conversion{
		work: w, at: &w.at.Current, key: strconv.Itoa(i), file: f, table: t,
		group: newGroup(t, compressions[w.c.Compression]),
		room:  w.at.Reports.Len() < stage.MaxFiles-len(w.t.Files),
	}
	defer c.abort()
	if err := c.open(ctx, h); err != nil {
		return err
	}
	r, err := w.t.Store.OpenRange(ctx, f.Digest, c.at.Read, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	c.scan = &scanner{
		r: w.meter.Reader(ctx, r), delimiter: w.c.delimiter(), maxFields: len(h.columns),
		offset: c.at.Read, line: c.at.Line,
	}
	if err := c.rows(ctx); err != nil {
		return err
	}
	if err := c.finish(ctx); err != nil {
		return err
	}
	if err := c.commit(i); err != nil {
		return err
	}
	return w.run.Offer(ctx, w.base+f.Size, w.total)
}

// rows reads the rows and writes row groups, except for the last.
func (c *conversion) rows(ctx context.Context) error {
	for {
		err := c.scan.next()
		if err == io.EOF {
			return nil
		}
		if err := c.take(ctx, err); err != nil {
			return err
		}
		if c.groupIsFull() {
			if err := c.endGroup(ctx); err != nil {
				return err
			}
		}
	}
}

// groupIsFull reports whether a row group ends after the row that was scanned.
func (c *conversion) groupIsFull() bool {
	rows := c.c.GroupRows << min(c.at.Groups/doubling, 20)
	return c.group.rows >= rows || c.group.rows*int64(len(c.table.columns)) >= groupValues ||
		c.scan.offset-c.at.Read >= groupBytes
}

// take puts the row that was scanned into the group. err is what came with it.
func (c *conversion) take(ctx context.Context, err error) error {
	var bad *badRow
	switch {
	case errors.Is(err, errRowTooLong):
		errors.As(err, &bad)
		return fault.New(fault.CsvRowTooLong, c.file.Name+", "+bad.at(""), nil)
	case err != nil && !errors.As(err, &bad):
		return err
	case err == nil && c.scan.count != len(c.table.columns):
		bad = &badRow{
			Line: c.scan.at, Reason: fmt.Sprintf("%d fields and not %d", c.scan.count, len(c.table.columns)),
		}
	case err == nil:
		if bad = c.group.add(c.scan.row); bad != nil {
			bad.Line = c.scan.at
		}
	}
	if bad != nil {
		return c.reject(ctx, bad)
	}
	if c.group.full() {
		return c.group.pass()
	}
	return nil
}

// reject counts a bad row and reports it.
func (c *conversion) reject(ctx context.Context, bad *badRow) error {
	if c.at.Bad++; c.at.First == nil {
		c.at.First = bad
	}
	if c.at.Bad > c.c.MaxBadRows {
		first := c.at.First
		name := ""
		if i := first.Column; i > 0 && i <= len(c.table.columns) {
			name = c.table.columns[i-1].Name
		}
		more := ""
		if c.at.Bad > 1 {
			more = fmt.Sprintf(", and %d more bad rows", c.at.Bad-1)
		}
		return fault.New(fault.CsvBadRows, c.file.Name+", "+first.at(name)+more, nil)
	}
	if !c.room || c.at.Bad > maxReported {
		return nil
	}
	if err := c.openReport(ctx); err != nil {
		return err
	}
	return report(c.report, bad, c.table.columns)
}

// endGroup writes the rows that were collected as a row group, if there are any,
// and offers the place after it.
func (c *conversion) endGroup(ctx context.Context) error {
	if c.group.rows > 0 {
		p, err := c.flush()
		if err != nil {
			return err
		}
		if err := c.openParts(ctx); err != nil {
			return err
		}
		if err := p.writeTo(c.parts); err != nil {
			return err
		}
	}
	c.at.Read, c.at.Line = c.scan.offset, c.scan.line
	c.at.Wrote, c.at.Stored, c.at.Reported = c.out.Size(), size(c.parts), size(c.report)
	return c.run.Offer(ctx, c.base+c.at.Read, c.total)
}

// flush writes the row group.
func (c *conversion) flush() (*part, error) {
	if c.at.Groups == parquet.MaxRowGroups {
		return nil, fault.New(fault.ArtifactTooLarge, c.file.Name+" has too many row groups", nil)
	}
	rows := c.group.rows
	p, err := c.group.flush(c.out, c.out.Size(), c.at.Groups)
	c.at.Rows += rows
	c.at.Groups++
	return p, err
}
