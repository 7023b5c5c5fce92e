// Package redact is a stage that makes card numbers unreadable: all digits but the
// last four become asterisks. It is an example of a stage that resumes.
//
// A card number is 13 to 19 digits in a row, with the right check digit. Files stay
// as long as they are.
//
//	crash                              cost
//	while a file is read               what was read since the last checkpoint, again
//	between the last byte and Commit   the same
//	after Commit, before a checkpoint  the same, and the content is stored once
package redact

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
	"github.com/millrace/millrace/pkg/stage/outputs"
)

// pieceSize is how much is read, written and offered at once, in bytes.
const pieceSize = 256 << 10

// New returns the stage redact@1.
func New() stage.Stage { return redact{} }

type redact struct{}

func (redact) Spec() stage.Spec {
	return stage.Spec{
		Name: "redact", Version: 1, Logic: "1",
		Summary: "Makes card numbers unreadable.",
		Guarantee: "The same file always gives the same file. After a crash, what was read since the last " +
			"checkpoint is read again. It has no effects.",
		Inputs:   "Files of any kind. Digits are those of ASCII.",
		Outputs:  "The same files, with asterisks for the digits of card numbers.",
		Findings: map[string]string{"cards": "How many card numbers there were."},
		Faults:   []string{string(fault.StageNoInput), string(fault.InternalBug)},
		Config: json.RawMessage(`{
			"type": "object",
			"additionalProperties": false,
			"properties": {
				"keep": {
					"type": "integer", "minimum": 0, "maximum": 6, "default": 4,
					"description": "How many digits at the end of a number stay readable."
				}
			}
		}`),
	}
}

type config struct {
	Keep int `json:"keep"`
}

// place is what an attempt has to know to go on where another one was. It says no
// more and no less than what is in the outputs.
type place struct {
	// Made is the files that are finished, one for each of the first inputs.
	Made outputs.List
	// Read is how much of the next input was read.
	Read int64
	// Scan is what the scanner holds back of it, and has counted.
	Scan scanner
}

func (redact) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	files, err := t.Inputs()
	if err != nil {
		return stage.Result{}, err
	}
	cfg := config{Keep: 4}
	if err := t.Config(&cfg); err != nil {
		return stage.Result{}, err
	}
	if cfg.Keep < 0 || cfg.Keep > 6 {
		return stage.Result{}, fault.New(fault.StageBadConfig, "keep is 0 to 6", nil)
	}
	w := &work{t: t, keep: cfg.Keep, total: stage.Size(files), meter: t.Meter(stage.Size(files))}
	if w.run, err = t.Resume(ctx, 1, &w.at); err != nil {
		return stage.Result{}, err
	}
	if err := w.check(); err != nil {
		return stage.Result{}, err
	}
	w.meter.Add(w.run.Done())
	for i := w.at.Made.Len(); i < len(files); i++ {
		if err := w.file(ctx, i); err != nil {
			return stage.Result{}, err
		}
	}
	return w.result(), nil
}

// work is one attempt.
type work struct {
	t     *stage.Task
	run   *checkpoint.Run
	at    place
	keep  int
	total int64
	meter *stage.Meter
}

// done is how far the work is, in bytes of the inputs.
func (w *work) done() int64 {
	return stage.Size(w.t.Files[:w.at.Made.Len()]) + w.at.Read
}

// check refuses a place that makes no sense: better no result than a wrong one.
func (w *work) check() error {
	if w.at.Made.Len() <= len(w.t.Files) && w.at.Scan.valid(w.at.Read) && w.done() == w.run.Done() {
		return nil
	}
	return fault.New(fault.InternalBug, "the place to go on from makes no sense", nil)
}

// file works on input i, from where the place says.
func (w *work) file(ctx context.Context, i int) error {
	out, err := w.run.Output(ctx, strconv.Itoa(i), nil)
	if err != nil {
		return err
	}
	defer out.Abort()
	if out.Size() != w.at.Read-int64(len(w.at.Scan.Held)) {
		return fault.New(fault.InternalBug, "the output is at another place", nil)
	}
	in, err := w.t.Store.OpenRange(ctx, w.t.Files[i].Digest, w.at.Read, -1)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := w.pieces(ctx, w.meter.Reader(ctx, in), out); err != nil {
		return err
	}
	made, err := out.Commit()
	if err != nil {
		return err
	}
	w.at.Read = 0
	return w.at.Made.Add(made)
}

// pieces reads in to its end. After each piece the place and the output belong
// together, which is when it is offered.
func (w *work) pieces(ctx context.Context, in io.Reader, out *artifact.Writer) error {
	piece := make([]byte, pieceSize)
	for {
		n, err := io.ReadFull(in, piece)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if n < len(piece) {
			_, err := out.Write(append(w.at.Scan.feed(piece[:n], w.keep), w.at.Scan.end(w.keep)...))
			return err
		}
		if _, err := out.Write(w.at.Scan.feed(piece, w.keep)); err != nil {
			return err
		}
		w.at.Read += int64(n)
		if err := w.run.Offer(ctx, w.done(), w.total); err != nil {
			return err
		}
	}
}

// result is made of the place and the inputs alone, so that it does not matter
// which attempt has done what.
func (w *work) result() stage.Result {
	res := stage.Result{Findings: map[string]string{"cards": strconv.FormatInt(w.at.Scan.Cards, 10)}}
	for i, in := range w.t.Files {
		made, _ := w.at.Made.File(i)
		res.Files = append(res.Files, events.File{
			Name: in.Name, MediaType: in.MediaType, Digest: made.Digest, Size: made.Size,
		})
	}
	return res
}
