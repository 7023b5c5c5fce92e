// Package csvparquet is the stage that makes Parquet files of CSV.
//
// Rows are collected in memory up to the size of a row group, which is then
// written to the output. What the end of the file has to say of it is stored
// beside, in a second content, and put behind the last row group when all rows
// are read. So the output is written once, from its start to its end, and after
// each row group there is a place to go on from:
//
//	crash                               cost
//	between two row groups              those since the last checkpoint, again
//	while the end of the file is written  the same, and writing the end again
//	after Commit, before a checkpoint   the same
//
// Where row groups end depends on nothing but the input and the configuration.
// The output is the file that the library writes when it is given all rows at once,
// except that the least and the greatest value of a column are left out where they
// are longer than 64 bytes.
//
// A task takes about 30 MiB of memory, whatever the size of the file. Tables of
// hundreds of columns take up to 70 MiB, and rows of megabytes, which are taken up
// to 4 MiB, up to 150.
package csvparquet

import (
	"context"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/outputs"
)

// New returns the stage csv-to-parquet@1.
func New() stage.Stage { return &converter{spec: spec()} }

type converter struct{ spec stage.Spec }

func (c *converter) Spec() stage.Spec { return c.spec }

// place is what an attempt has to know to go on.
type place struct {
	// Tables is the Parquet files that are finished, one for each of the first
	// inputs. Reports is those of bad rows, and Reported to which input each
	// belongs.
	Tables, Reports outputs.List
	Reported        []int
	// Rows and Bad count the rows of the inputs that are finished.
	Rows, Bad int64
	// Current is where the work is in the next input.
	Current progress
}

// progress is a place between two row groups of a file.
type progress struct {
	// Read and Line are where the next row begins.
	Read, Line int64
	// Rows and Bad count the rows so far, First is the first bad one.
	Rows, Bad int64
	First     *badRow
	// Groups counts the row groups.
	Groups int
	// Wrote, Stored and Reported are the sizes of the output, of the parts and of
	// the report.
	Wrote, Stored, Reported int64
}

// Run converts each file.
func (c *converter) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	cfg := defaults()
	if err := t.Config(&cfg); err != nil {
		return stage.Result{}, err
	}
	var at place
	run, err := t.Resume(ctx, 1, &at)
	if err != nil {
		return stage.Result{}, err
	}
	w := &work{t: t, c: &cfg, run: run, at: &at, total: stage.Size(files), meter: t.Meter(stage.Size(files))}
	w.meter.Add(run.Done())
	for i, f := range files {
		if i >= at.Tables.Len() {
			if err := w.convert(ctx, i, f); err != nil {
				return stage.Result{}, err
			}
		}
		w.base += f.Size
	}
	return at.result(files), nil
}

// result is that of all files.
func (p *place) result(files []events.File) stage.Result {
	var res stage.Result
	size, reports := int64(0), 0
	for i, f := range files {
		made, _ := p.Tables.File(i)
		made.Name, made.MediaType = nameOf(f.Name, tableEnding), tableType
		size += made.Size
		res.Files = append(res.Files, made)
		if reports < len(p.Reported) && p.Reported[reports] == i {
			made, _ = p.Reports.File(reports)
			made.Name, made.MediaType = nameOf(f.Name, reportEnding), reportType
			res.Files = append(res.Files, made)
			reports++
		}
	}
	res.Findings = map[string]string{
		"rows":      strconv.FormatInt(p.Rows, 10),
		"bad_rows":  strconv.FormatInt(p.Bad, 10),
		"bytes_in":  strconv.FormatInt(stage.Size(files), 10),
		"bytes_out": strconv.FormatInt(size, 10),
	}
	return res
}
