package sweep

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// described is what every stage of the sweep says of itself.
func described(name string) stage.Spec {
	return stage.Spec{
		Name: name, Version: 1, Logic: name + "-1", Summary: "Plays in a story.", Guarantee: "As told.",
		Inputs: "Any.", Outputs: "Any.",
	}
}

// chew makes its files upper case, a few bytes at a time with a checkpoint after
// each bite.
type chew struct{ watch func(*stage.Task) }

const bite = 5

func (c *chew) Spec() stage.Spec { return described("chew") }

func (c *chew) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	c.watch(t)
	var at struct {
		Read int64
		Done []events.File
	}
	run, err := t.Resume(ctx, 1, &at)
	if err != nil {
		return stage.Result{}, err
	}
	for i := len(at.Done); i < len(t.Files); i++ {
		in := t.Files[i]
		out, err := run.Output(ctx, in.Name, &artifact.PutOptions{Name: in.Name})
		if err != nil {
			return stage.Result{}, err
		}
		defer out.Abort()
		for at.Read < in.Size {
			r, err := t.Store.OpenRange(ctx, in.Digest, at.Read, min(bite, in.Size-at.Read))
			if err != nil {
				return stage.Result{}, err
			}
			data, err := io.ReadAll(r)
			_ = r.Close()
			if err != nil {
				return stage.Result{}, err
			}
			if _, err := out.Write(bytes.ToUpper(data)); err != nil {
				return stage.Result{}, err
			}
			at.Read += int64(len(data))
			if err := run.Save(ctx, at.Read, in.Size); err != nil {
				return stage.Result{}, err
			}
		}
		f, err := out.Commit()
		if err != nil {
			return stage.Result{}, err
		}
		at.Done, at.Read = append(at.Done, f), 0
	}
	return stage.Result{Files: slices.Clone(at.Done)}, nil
}

// book is the world outside: it counts what was done under each key, and, being
// simple, takes a thing back without looking who asks.
type book struct {
	calls, undone map[string]int
}

// post writes into the book, and can take that back. With verify it can look what
// the book says; the blind one cannot.
type post struct {
	name   string
	link   link
	book   *book
	verify bool
	watch  func(*stage.Task)
}

func (p *post) Spec() stage.Spec { return described(p.name) }

func (p *post) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	p.watch(t)
	var verify checkpoint.Verify
	if p.verify {
		verify = func(_ context.Context, id string) (string, error) {
			if p.book.calls[id] == 0 {
				return "", checkpoint.ErrAbsent
			}
			return "seen", nil
		}
	}
	_, err := t.Effect(ctx, "entry", func(_ context.Context, id string) (string, error) {
		err := p.link.outside("post "+id, func() error {
			p.book.calls[id]++
			return nil
		})
		return "written", err
	}, verify)
	return stage.Result{Files: t.Files}, err
}

func (p *post) Compensate(_ context.Context, t *stage.Task, _ stage.Result) error {
	id := events.EffectID(t.Tenant, t.Job, t.Step, "entry")
	return p.link.outside("undo "+id, func() error {
		if p.book.calls[id] > p.book.undone[id] {
			p.book.undone[id]++
		}
		return nil
	})
}

// fail always fails: for good, or, with soft, in the first two attempts.
type fail struct {
	soft  bool
	watch func(*stage.Task)
}

func (f *fail) Spec() stage.Spec {
	if f.soft {
		return described("stumble")
	}
	return described("fail")
}

func (f *fail) Run(_ context.Context, t *stage.Task) (stage.Result, error) {
	f.watch(t)
	switch {
	case !f.soft:
		return stage.Result{}, fault.New(fault.SubmitBadName, "told to fail", errors.New("simulated"))
	case t.Attempt < 3:
		return stage.Result{}, fault.New(fault.ArtifactIO, "stumbled", errors.New("simulated"))
	}
	return stage.Result{Files: t.Files}, nil
}
