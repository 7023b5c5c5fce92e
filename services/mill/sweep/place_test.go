package sweep

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/checkpoint"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/stage"
)

// shelf is a world outside: things lie on each other under names. The one on top is
// what others see.
type shelf struct {
	things map[string][]thing
	mailed map[string]int // letters, which nobody takes back
}

type thing struct{ content, by string }

func newShelf() *shelf {
	return &shelf{
		things: map[string][]thing{names[0]: {{"before", ""}}, names[1]: {{"before", ""}}},
		mailed: map[string]int{},
	}
}

// names are those that a pipeline uses. The first two are there before.
var names = []string{"old-0", "old-1", "new-0", "new-1", "new-2"}

// contents is what lies under each name.
func (s *shelf) contents() map[string]string {
	out := map[string]string{}
	for name, pile := range s.things {
		for _, x := range pile {
			out[name] += x.content + " "
		}
	}
	return out
}

func (s *shelf) has(name, id string) bool {
	return slices.ContainsFunc(s.things[name], func(x thing) bool { return x.by == id })
}

func (s *shelf) place(name, content, id string) {
	s.things[name] = append(s.things[name], thing{content, id})
}

func (s *shelf) takeBack(name, id string) {
	s.things[name] = slices.DeleteFunc(s.things[name], func(x thing) bool { return x.by == id })
}

// chance decides what goes wrong. It says the same of an attempt each time it is
// asked, whatever has crashed meanwhile.
type chance struct {
	seed uint64
	rate float64 // of the attempts that fail
}

// where in an attempt something goes wrong.
const (
	nowhere = iota
	before
	inside // the call, before it has done anything
	partly // in the call, when it is done
	after
)

func (c chance) of(t *stage.Task, what string) (where int, err error) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.Job + "/" + t.Step + "/" + what + "/" + strconv.Itoa(t.Attempt))) // cannot fail
	r := rand.New(rand.NewPCG(c.seed, h.Sum64()))
	if r.Float64() >= c.rate {
		return nowhere, nil
	}
	f := fault.New(fault.ArtifactIO, "by chance, in "+what, nil)
	classes := fault.Classes()
	f.Override = classes[r.IntN(len(classes))]
	return before + r.IntN(4), f
}

// place puts a thing on the shelf, in the place of what stands there, and takes it
// back. Or it sends a letter, which nobody takes back.
type place struct {
	name   string
	link   link
	shelf  *shelf
	chance *chance
	watch  func(*stage.Task)
}

type placing struct {
	Name   string `json:"name"`
	Repeat bool   `json:"repeat"`
}

const placeConfig = `{"type":"object","additionalProperties":false,"properties":{
	"name":{"type":"string"},"repeat":{"type":"boolean"}}}`

func (p *place) Spec() stage.Spec { return described(p.name) }

func (p *place) Run(ctx context.Context, t *stage.Task) (stage.Result, error) {
	p.watch(t)
	var c placing
	if err := t.Config(&c); err != nil {
		return stage.Result{}, err
	}
	where, failure := p.chance.of(t, "do")
	if where == before {
		return stage.Result{}, failure
	}
	do := func(_ context.Context, id string) (string, error) {
		if where == inside {
			return "", failure
		}
		err := p.link.outside("place "+c.Name, func() error {
			switch {
			case p.name == "mail":
				p.shelf.mailed[id]++
			case !c.Repeat || !p.shelf.has(c.Name, id): // what is repeated finds what it did
				p.shelf.place(c.Name, t.Step, id)
			}
			return nil
		})
		if err == nil && where == partly {
			err = failure
		}
		return "placed", err
	}
	verify := func(_ context.Context, id string) (string, error) {
		if p.shelf.has(c.Name, id) || p.shelf.mailed[id] > 0 {
			return "seen", nil
		}
		return "", checkpoint.ErrAbsent
	}
	var err error
	if c.Repeat {
		_, err = t.Repeat(ctx, "place", do)
	} else {
		_, err = t.Effect(ctx, "place", do, verify)
	}
	if err == nil && where == after {
		err = failure
	}
	return stage.Result{Files: t.Files}, err
}

// shelving is a place with an undo.
type shelving struct{ place }

func (p *shelving) Compensate(_ context.Context, t *stage.Task, _ stage.Result) error {
	var c placing
	if err := t.Config(&c); err != nil {
		return err
	}
	where, failure := p.chance.of(t, "undo")
	if where == before || where == inside {
		return failure
	}
	id := events.EffectID(t.Tenant, t.Job, t.Step, "place")
	err := p.link.outside("take back "+c.Name, func() error {
		p.shelf.takeBack(c.Name, id)
		return nil
	})
	if err == nil && where != nowhere {
		err = failure
	}
	return err
}
